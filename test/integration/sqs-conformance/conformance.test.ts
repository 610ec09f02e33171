import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startSqs } from '../../local/sqs.ts'
import { startStrictSqs } from '../../strict-sqs/server.ts'
import { type Bench, openBench } from './bench.ts'
import { protocolRules } from './protocol-rules.ts'
import { rules as messageRules } from './rules.ts'

// The same rules for every queue that a worker is tested with, and for AWS itself when asked:
//   SQS_CONFORMANCE=1 AWS_REGION=… (and credentials) npx jest … sqs-conformance
// It makes about forty queues named video-worker-conformance-…, and deletes them.
const rules = [...messageRules, ...protocolRules]

/** What the embedded server (fauxqs with test/local/sqs.ts around it) does otherwise, rule by rule. */
const embeddedGaps: Readonly<Record<string, string>> = {
  'a message is held for 12 hours in all; more is refused and not shortened':
    'it is held for as long as one likes',
  'deleting what is deleted succeeds, hiding it is refused': 'refused as MessageNotInflight',
  'the receive after the last that is allowed moves the message to the dead-letter queue, the same as it was':
    'it does not tell where it came from (DeadLetterQueueSourceArn)',
  'a dead-letter queue must exist': 'any name is taken',
  'attributes come only when asked for, by name, by beginning or all': 'message attributes come unasked',
  'a message that cannot be sent is refused by name': 'a delay over 900 s and an empty attribute are taken',
  'in a batch an entry fails alone, and the batch for its own rules': 'a delay over 900 s is taken',
}

interface Target {
  readonly bench: Bench
  close(): Promise<void>
}

const account = '000000000000'
const region = 'ap-northeast-2'
const targets: Readonly<
  Record<string, { open: () => Promise<Target>; gaps: Readonly<Record<string, string>> }>
> = {
  'the strict queue': {
    gaps: {},
    async open() {
      const sqs = await startStrictSqs({ region })
      return { bench: local(sqs.endpoint), close: () => sqs.close() }
    },
  },
  'the embedded queue': {
    gaps: embeddedGaps,
    async open() {
      const sqs = await startSqs({ region })
      return { bench: local(sqs.endpoint), close: () => sqs.close() }
    },
  },
  AWS: {
    gaps: {},
    async open() {
      const prefix = `video-worker-conformance-${randomUUID().slice(0, 8)}`
      const at = process.env.AWS_REGION ?? region
      const urlOf = (name: string) => `https://sqs.${at}.amazonaws.com/${account}/${name}`
      return { bench: openBench({ region: at, prefix, urlOf }), close: async () => undefined }
    },
  },
}

function local(endpoint: string): Bench {
  return openBench({ endpoint, region, prefix: 'rule', urlOf: (name) => `${endpoint}/${account}/${name}` })
}

const onAws = process.env.SQS_CONFORMANCE === '1'
if (!onAws) console.warn('SKIPPED test/integration/sqs-conformance on AWS: SQS_CONFORMANCE=1 is not set')

for (const [name, { open, gaps }] of Object.entries(targets)) {
  const suite = name !== 'AWS' || onAws ? describe : describe.skip
  suite(`on ${name}`, () => {
    let target: Target
    let outcomes: Map<string, Promise<unknown>>
    beforeAll(async () => {
      target = await open()
      // All at once, each on queues of its own: most of them only wait.
      outcomes = new Map(
        rules.map((rule) => [rule.name, rule.run(target.bench).catch((error: unknown) => error)]),
      )
      await Promise.all(outcomes.values())
    })
    afterAll(async () => {
      await target?.bench.close()
      await target?.close()
    })

    test.each(rules)('$name ($source)', async (rule) => {
      const error = await outcomes.get(rule.name)
      const gap = gaps[rule.name]
      if (gap === undefined && error !== undefined) throw error
      // A gap that was closed is no gap: the list says what is so.
      if (gap !== undefined)
        expect({ gap, stillThere: error !== undefined }).toEqual({ gap, stillThere: true })
    })

    test('the gaps that are listed are rules', () => {
      expect(Object.keys(gaps).filter((gap) => !rules.some((rule) => rule.name === gap))).toEqual([])
    })
  })
}
