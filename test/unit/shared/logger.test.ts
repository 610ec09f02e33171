import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { WorkerError } from '../../../shared/errors.ts'
import { createLogger, type Logger } from '../../../shared/logger.ts'

function logged(use: (logger: Logger) => void, level = 'debug', bindings: Record<string, unknown> = {}) {
  const lines: string[] = []
  use(createLogger({ level, pretty: false }, bindings, { write: (line: string) => lines.push(line) }))
  return lines.map((line) => JSON.parse(line))
}
const only = (use: (logger: Logger) => void) => {
  const lines = logged(use)
  expect(lines).toHaveLength(1)
  return lines[0]
}

describe('a line of the log', () => {
  test('is one JSON object with level, time, what is bound and what is told', () => {
    const [line] = logged((log) => log.child({ job: 'j' }).info({ attempt: 2 }, 'claimed'), 'info', {
      worker: 'w',
    })
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      worker: 'w',
      job: 'j',
      attempt: 2,
      msg: 'claimed',
    })
  })

  test('is not written below the level', () => {
    expect(logged((log) => log.debug('detail'), 'info')).toEqual([])
    expect(logged((log) => log.fatal('end'), 'silent')).toEqual([])
  })

  test('stays one line whatever is in it', () => {
    expect(only((log) => log.info({ text: 'a\nb' }, 'c\r\nd')).msg).toBe('c\r\nd')
  })

  test('of an error has its code, kind, details and causes', () => {
    const cause = new Error('socket closed')
    const error = new WorkerError('encode_failed', 'ffmpeg ended with 1', { cause, details: { exitCode: 1 } })
    expect(only((log) => log.error({ err: error }, 'job failed')).err).toMatchObject({
      type: 'WorkerError',
      code: 'encode_failed',
      kind: 'failed',
      message: 'ffmpeg ended with 1',
      details: { exitCode: 1 },
      cause: { type: 'Error', message: 'socket closed' },
      stack: expect.stringContaining('logger.test.ts'),
    })
  })

  test('of an error alone is told by its message', () => {
    const line = only((log) => log.error(new WorkerError('drained', 'stopping')))
    expect(line).toMatchObject({ msg: 'stopping', err: { code: 'drained', kind: 'released' } })
    expect(only((log) => log.error(new Error('inner'), 'outer %s', 'x'))).toMatchObject({ msg: 'outer x' })
  })
})

describe('never in a line:', () => {
  const signed = 'https://bucket.example.com/key?X-Amz-Signature=hidden'

  test.each<[string, (log: Logger) => void]>([
    ['a signed URL in a field', (log) => log.info({ url: signed, list: [{ deep: signed }] })],
    ['a signed URL in a message', (log) => log.info(`fetching ${signed}`)],
    ['a signed URL in a value of a message', (log) => log.info('fetching %s', signed)],
    [
      'a signed URL in an error',
      (log) => log.error(new Error(`failed: ${signed}`, { cause: new Error(signed) })),
    ],
    ['a signed URL as URL', (log) => log.info({ url: new URL(signed) })],
    ['a password in an address', (log) => log.info('redis://:hidden@redis.internal/0')],
    ['secrets by name', (log) => log.info({ secretKey: 'hidden', headers: { 'X-Worker-Token': 'hidden' } })],
    ['bound secrets', (log) => log.child({ password: 'hidden', url: signed }).info('x')],
    [
      'secrets bound to a child of a child',
      (log) => log.child({ a: 1 }).child({ apiKey: 'hidden' }).info('x'),
    ],
    [
      'what clients hang on their errors',
      (log) => {
        const error = Object.assign(new Error('WRONGPASS'), {
          command: { name: 'auth', args: ['hidden'] },
          options: { headers: { authorization: 'hidden' } },
        })
        log.error({ err: error, other: { error } })
      },
    ],
  ])('%s', (_name, use) => {
    const text = JSON.stringify(only(use))
    expect(text).not.toContain('hidden')
    expect(text.length).toBeGreaterThan(50)
  })

  test('secrets in what every line is bound to', () => {
    const lines = logged((log) => log.info('x'), 'info', { token: 'hidden' })
    expect(JSON.stringify(lines)).not.toContain('hidden')
  })
})

test('the rest of an address stays, so that a command can be pasted', () => {
  const url = 'http://127.0.0.1:4000/abc/source'
  expect(only((log) => log.debug({ command: `ffmpeg -i ${url} -y out.mp4` })).command).toContain(url)
  expect(only((log) => log.debug(`see ${url}?sig=1 and more`)).msg).toBe(`see ${url}?… and more`)
})

describe('logging never throws, whatever it is given:', () => {
  const circle: Record<string, unknown> = { name: 'circle' }
  circle.self = circle
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  let deep: unknown = 'end'
  for (let i = 0; i < 10_000; i++) deep = { deep }
  const selfCaused = new Error('own cause')
  selfCaused.cause = selfCaused

  test.each<[string, unknown]>([
    ['a circle', circle],
    [
      'a getter that throws',
      Object.defineProperty({}, 'bad', { enumerable: true, get: () => circle.missing!.toString() }),
    ],
    ['a revoked proxy', { proxy }],
    ['a tower', { deep }],
    ['an error that is its own cause', { err: selfCaused }],
    ['a bigint, a symbol, a function', { a: 1n, b: Symbol('b'), c: () => {} }],
    ['a wrong date', { at: new Date('never') }],
    ['a buffer', { body: Buffer.alloc(1e6) }],
    ['a long text and a long list', { text: 'x'.repeat(1e6), list: Array(1e5).fill('x') }],
    ['maps and sets', { map: new Map([['token', 'x']]), set: new Set([1]) }],
    ['an object without prototype', Object.assign(Object.create(null), { a: 1 })],
    ['something with a toJSON that throws', { bad: { toJSON: () => circle.missing!.toString() } }],
    ['null', null],
    ['undefined', undefined],
    ['a number', 5],
  ])('%s', (_name, value) => {
    const line = only((log) => log.info(value as object, 'still there'))
    expect(line.level).toBe('info')
    expect(JSON.stringify(line).length).toBeLessThan(30_000)
  })
})

describe('the standard output', () => {
  const module = fileURLToPath(new URL('../../../shared/logger.ts', import.meta.url))
  const run = (pretty: boolean) => {
    const script = `import { createLogger } from ${JSON.stringify(module)}
      createLogger({ level: 'info', pretty: ${pretty} }).info({ job: 'j' }, 'last words')
      process.exit(0)`
    const args = ['--input-type=module', '--eval', script]
    return execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  }

  test('has the last line before an exit', () => {
    expect(JSON.parse(run(false))).toMatchObject({ job: 'j', msg: 'last words' })
  })

  test('has lines for people on request', () => {
    const text = run(true)
    expect(text).toContain('INFO: last words')
    expect(text).toContain('job: "j"')
  })
})
