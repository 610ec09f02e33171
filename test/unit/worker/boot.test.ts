import { describe, expect, test } from '@jest/globals'
import { loadConfig } from '../../../shared/config.ts'
import type { Logger } from '../../../shared/logger.ts'
import type { Queue } from '../../../shared/queue.ts'
import type { QueueAttributes } from '../../../shared/queue-attributes.ts'
import { checkQueue } from '../../../worker/boot.ts'
import { required } from '../shared/config-required.ts'

const good = {
  ...{ visibilitySeconds: 120, maxReceiveCount: 50, deadLetterArn: 'arn', retentionSeconds: 14 * 86_400 },
  ...{ waiting: 0, inFlight: 0, delayed: 0 },
}

/** What is said of a live queue with these attributes. */
async function said(attributes: QueueAttributes): Promise<string[]> {
  const lines: string[] = []
  const queue = { attributes: async () => attributes } as unknown as Queue
  const logger = { warn: (_: object, text: string) => lines.push(text) } as unknown as Logger
  await checkQueue(queue, loadConfig(required), logger, new AbortController().signal)
  return lines
}

describe('the live queue’s attributes', () => {
  test('as the deployment sets them leave nothing to say', async () => {
    expect(await said(good)).toEqual([])
  })

  test('that have drifted are said one by one', async () => {
    const { deadLetterArn: _, ...without } = good
    const lines = await said({
      ...without,
      visibilitySeconds: 20,
      maxReceiveCount: 3,
      retentionSeconds: 3600,
    })
    for (const word of ['redrive', 'maxReceiveCount is 3', 'retention is 3600', 'visibility is 20'])
      expect(
        lines.filter((line) => line.startsWith('queue attributes: ') && line.includes(word)),
      ).toHaveLength(1)
  })
})
