/** The least environment that the API starts with, and two variables that the fleet needs of it. */
export const api: Readonly<Record<string, string>> = {
  SECRET_KEY: 'django-(^_^)-key',
  DB_HOST: 'db.internal',
  DB_PORT: '5432',
  DB_NAME: 'academy',
  DB_USER: 'academy',
  DB_PASSWORD: 'db-password',
  REDIS_HOST: 'redis.internal',
  R2_ENDPOINT: 'https://account.r2.example.com',
  R2_ACCESS_KEY: 'r2-key',
  R2_SECRET_KEY: 'r2-secret',
  R2_BUCKET: 'videos',
  VIDEO_SQS_QUEUE_NAME: 'academy-video-jobs',
  AWS_REGION: 'ap-northeast-2',
  INTERNAL_WORKER_TOKEN: 'worker-token',
  LAMBDA_INTERNAL_API_KEY: 'lambda-key',
}
