import { expect, test } from '@jest/globals'
import { loadBacklogConfig } from '../../../shared/config-backlog.ts'
import { WorkerError } from '../../../shared/errors.ts'

const env = {
  VIDEO_BACKLOG_API_INTERNAL: 'http://api.internal/api/v1/internal/video/backlog-count/',
  LAMBDA_INTERNAL_API_KEY: 'key',
  VIDEO_SQS_QUEUE_NAME: 'academy-video-jobs',
  AUTO_SCALING_GROUP_NAME: 'video-workers',
  AWS_REGION: 'ap-northeast-2',
}

test('reads the environment of contract.md section 7, and nothing else is needed', () => {
  expect(loadBacklogConfig(env)).toMatchObject({
    ...{ url: 'http://api.internal/api/v1/internal/video/backlog-count', key: 'key', host: '' },
    ...{ queue: { name: 'academy-video-jobs' }, group: 'video-workers', redis: { host: '' } },
  })
})

test('extra queues are named by the type of their workers', () => {
  const EXTRA_QUEUES = 'AI=academy-ai-jobs-lite, Messaging=academy-messaging-jobs'
  expect([...loadBacklogConfig({ ...env, EXTRA_QUEUES }).extraQueues]).toEqual([
    ['AI', 'academy-ai-jobs-lite'],
    ['Messaging', 'academy-messaging-jobs'],
  ])
})

test.each([
  ['nothing at all', {}, ['VIDEO_BACKLOG_API_INTERNAL is required', 'AWS_REGION is required']],
  [
    'an address that is none',
    { ...env, VIDEO_BACKLOG_API_INTERNAL: 'api' },
    ['must be an http or https address'],
  ],
  [
    'a host with a scheme',
    { ...env, VIDEO_BACKLOG_API_HOST: 'https://api' },
    ['VIDEO_BACKLOG_API_HOST must be a host'],
  ],
  ['extra queues without names', { ...env, EXTRA_QUEUES: 'academy-ai' }, ['EXTRA_QUEUES must be like']],
  [
    'a key that is not set',
    { ...env, LAMBDA_INTERNAL_API_KEY: ' ' },
    ['LAMBDA_INTERNAL_API_KEY is required'],
  ],
] as [string, Record<string, string>, string[]][])('%s is refused by name', (_, wrong, texts) => {
  const load = () => loadBacklogConfig(wrong)
  expect(load).toThrow(WorkerError)
  for (const text of texts) expect(load).toThrow(text)
})
