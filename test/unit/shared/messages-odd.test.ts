import { expect, test } from '@jest/globals'
import { parseMessage } from '../../../shared/messages.ts'

/**
 * Bodies nobody thought of. The random numbers come from a fixed seed, so that a failure can be looked at; the
 * failing body is in the message.
 */
const options = { catalogKeyPrefix: 'videos/', bucket: 'bucket' }
const kinds = ['transcode', 'delete', 'catalogue', 'ignored', 'several', 'poison']

/** What must hold of any answer to any body. */
function check(body: string): string {
  let parsed: ReturnType<typeof parseMessage>
  try {
    parsed = parseMessage(body, options)
  } catch (error) {
    throw new Error(`threw ${error} on ${JSON.stringify(body.slice(0, 500))}`)
  }
  const wrong = (what: string) =>
    new Error(`${what}: ${JSON.stringify({ body: body.slice(0, 500), parsed })}`)
  if (!kinds.includes(parsed.kind)) throw wrong('unknown kind')
  if ('reason' in parsed) {
    // SQS refuses attributes with other characters, and empty ones
    if (!/^[\x20-\x7e]{1,200}$/.test(parsed.reason) && parsed.kind === 'poison') throw wrong('bad reason')
  }
  if ('fileKey' in parsed && /(^|\/)\.\.?(\/|$)|^\/|\p{Cc}/u.test(parsed.fileKey)) throw wrong('unsafe key')
  if (parsed.kind === 'transcode' || parsed.kind === 'delete') {
    const { tenantId, videoId } = parsed
    if (!(Number.isSafeInteger(tenantId) && Number.isSafeInteger(videoId))) throw wrong('bad id')
    const own = `tenants/${tenantId}/`
    if (!parsed.fileKey.startsWith(own) && !(parsed.kind === 'delete' && parsed.fileKey === ''))
      throw wrong('key')
    if (parsed.kind === 'delete' && !parsed.hlsPrefix.startsWith(`${own}video/hls/${videoId}/`))
      throw wrong('prefix')
  }
  if ('jobId' in parsed && !/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(parsed.jobId))
    throw wrong('bad job id')
  return parsed.kind
}

/** mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
const random = randomFrom(20_261_121)
const upTo = (n: number) => Math.floor(random() * n)
const oneOf = <T>(list: readonly T[]): T => list[upTo(list.length)]!

const oddValues = [
  null,
  true,
  false,
  0,
  -0,
  1,
  7,
  -1,
  4.5,
  1e21,
  1e-7,
  2 ** 53,
  '',
  ' ',
  '7',
  '07',
  '-7',
  '0x7',
  '7.0',
  '٧',
  'NaN',
  [],
  [7],
  [[]],
  {},
  { a: {} },
  { length: 3 },
  { toString: 1 },
  'x'.repeat(5000),
  '\0',
  '\n',
  '\ud800',
  '\uffff',
  '🎬',
  'tenants/7/x.mp4',
  'tenants/7/../8/x',
  'tenants/7/video/hls/42/',
  '../',
  '/',
  '%',
  '%00',
  '%2e%2e',
  'videos/1_a.mp4',
  '__proto__',
  'constructor',
  'delete_r2',
  's3:TestEvent',
  'Object Created',
  'ObjectCreated:Put',
  'bucket',
  '0f8fad5b-d9cb-469f-a165-70867728950e',
  '2026-02-30',
  '+275760-09-13T00:00:00.001Z',
  8.64e15,
  8.65e15,
] as const
const names = [
  'job_id',
  'video_id',
  'tenant_id',
  'file_key',
  'created_at',
  'profile',
  'attempt',
  'version',
  'kind',
  'action',
  'hls_prefix',
  'Event',
  'Records',
  'detail-type',
  'detail',
  's3',
  'bucket',
  'object',
  'key',
  'name',
  'eTag',
  'sequencer',
  'eventName',
  '__proto__',
  'constructor',
  'toJSON',
  'length',
  '0',
  '',
] as const

const seeds = [
  { job_id: '0f8fad5b-d9cb-469f-a165-70867728950e', video_id: 42, tenant_id: 7, file_key: 'tenants/7/x.mp4' },
  { video_id: 42, tenant_id: 7, tenant_code: 'a', file_key: 'tenants/7/x.mp4', created_at: 'x', attempt: 1 },
  { action: 'delete_r2', tenant_id: 7, video_id: 42, file_key: '', hls_prefix: 'tenants/7/video/hls/42/' },
  {
    Records: [
      {
        eventName: 'ObjectCreated:Put',
        s3: { bucket: { name: 'bucket' }, object: { key: 'videos/1_a.mp4' } },
      },
    ],
  },
  {
    'detail-type': 'Object Created',
    detail: { bucket: { name: 'bucket' }, object: { key: 'videos/1_a.mp4' } },
  },
]

function oddTree(depth: number): unknown {
  if (depth === 0 || random() < 0.4) return oneOf(oddValues)
  if (random() < 0.3) return Array.from({ length: upTo(4) }, () => oddTree(depth - 1))
  return Object.fromEntries(Array.from({ length: upTo(6) }, () => [oneOf(names), oddTree(depth - 1)]))
}

/** The value with one node somewhere replaced, removed or added. */
function changed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.15) return oddTree(2)
  const entries = Object.entries(value)
  const at = upTo(entries.length + 1)
  if (at === entries.length) entries.push([oneOf(names), oddTree(2)])
  else if (random() < 0.2) entries.splice(at, 1)
  else entries[at] = [entries[at]![0], changed(entries[at]![1])]
  return Array.isArray(value) ? entries.map(([, each]) => each) : Object.fromEntries(entries)
}

test('any text at all is answered', () => {
  const alphabet = [
    '{',
    '}',
    '[',
    ']',
    '"',
    ':',
    ',',
    '\\',
    '\0',
    '\ud800',
    '🎬',
    'a',
    '7',
    ' ',
    'null',
    'é',
    '\ufeff',
  ]
  for (let i = 0; i < 2000; i++) {
    check(Array.from({ length: upTo(40) }, () => oneOf(alphabet)).join(''))
    check(String.fromCharCode(...Array.from({ length: upTo(40) }, () => upTo(0x10000))))
  }
})

test('any JSON at all is answered', () => {
  for (let i = 0; i < 4000; i++) check(JSON.stringify(oddTree(4)))
})

test('every known message with anything changed, cut or repeated in it is answered, and stays safe', () => {
  const seen = new Set<string>()
  for (let i = 0; i < 8000; i++) {
    let value: unknown = oneOf(seeds)
    for (let changes = upTo(4); changes > 0; changes--) value = changed(value)
    const body = JSON.stringify(value)
    seen.add(check(body))
    check(body.slice(0, upTo(body.length)))
    check(body + body)
  }
  // else the changes were too wild to test anything
  expect([...seen].sort()).toEqual([...kinds].sort())
})

test('bodies of a megabyte are answered', () => {
  const [big, deep] = ['x'.repeat(2 ** 20), '{"a":'.repeat(2 ** 17)]
  check(big)
  check(deep)
  check(`${deep}1${'}'.repeat(2 ** 17)}`)
  check(JSON.stringify({ ...seeds[0], file_key: `tenants/7/${big}` }))
  check(JSON.stringify({ Records: Array(10_000).fill({}) }))
})

test('a body that its parts could not carry is poison, while it is one message only', () => {
  const withNote = (note: string) => parseMessage(JSON.stringify({ ...seeds[0], note }), options)
  expect(withNote('x'.repeat(200_000)).kind).toBe('transcode')
  // Each quote becomes two characters in the body, and four where a part carries that.
  expect(withNote('"'.repeat(100_000))).toEqual({
    kind: 'poison',
    reason: expect.stringMatching(/^a body of 40\d+ bytes when quoted: its parts could not carry it/),
  })
})

test('a body that is not even a text is answered: the SDK types it as optional', () => {
  for (const body of [undefined, null, 5, {}]) check(body as unknown as string)
})
