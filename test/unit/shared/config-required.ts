/** The least environment that a worker starts with. */
export const required = {
  API_BASE_URL: 'https://api.example.com',
  INTERNAL_WORKER_TOKEN: 'worker-token',
  R2_ENDPOINT: 'https://account.r2.example.com',
  R2_ACCESS_KEY: 'r2-key',
  R2_SECRET_KEY: 'r2-secret',
  R2_BUCKET: 'videos',
  REDIS_HOST: 'redis.internal',
  VIDEO_SQS_QUEUE_NAME: 'academy-video-jobs',
  AWS_REGION: 'ap-northeast-2',
}
