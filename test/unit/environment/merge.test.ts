import { describe, expect, test } from '@jest/globals'
import { changesBetween, merge, needNamed, shown } from '../../../deploy/environment/changes.ts'
import { isPublic, needComplete, problemsOf, warningsOf } from '../../../deploy/environment/roles.ts'
import { required } from '../shared/config-required.ts'
import { api } from './samples.ts'

const of = (values: Readonly<Record<string, string>>) => new Map(Object.entries(values))

describe('a merge', () => {
  const stored = of({ A: '1', B: '2', C: '3' })

  test('changes and adds what the file holds, leaves the rest, and keeps the order', () => {
    expect([...merge(stored, of({ D: '4', B: 'x' }), { drop: [] })]).toEqual([
      ...[
        ['A', '1'],
        ['B', 'x'],
        ['C', '3'],
        ['D', '4'],
      ],
    ])
  })

  test('drops what is named, and nothing else', () => {
    expect([...merge(stored, of({ A: '9' }), { drop: ['B'] }).keys()]).toEqual(['A', 'C'])
  })

  test('takes an empty value over a full one for a drop', () => {
    expect(() => merge(stored, of({ B: '' }), { drop: [] })).toThrow('--drop B')
    expect([...merge(stored, of({ B: '' }), { drop: ['B'] }).keys()]).toEqual(['A', 'C'])
    expect(merge(stored, of({ D: '' }), { drop: [] }).get('D')).toBe('')
  })

  test('with the whole file needs every lost variable named: one line does not replace many', () => {
    const replace = (drop: string[]) => merge(stored, of({ B: 'x' }), { drop, replace: true })
    expect(() => replace([])).toThrow(
      expect.objectContaining({
        code: 'environment_drops',
        message: expect.stringContaining('2 of 3 stored variables would go'),
        details: { names: ['A', 'C'] },
      }),
    )
    expect(() => replace(['A'])).toThrow('--drop A,C')
    expect([...replace(['A', 'C'])]).toEqual([['B', 'x']])
  })

  test('back to an older text is held to the same', () => {
    expect(() => needNamed(stored, of({ A: '1' }), ['B'])).toThrow('--drop B,C')
    expect(() => needNamed(stored, of({ A: '5' }), ['B', 'C'])).not.toThrow()
  })
})

describe('a change', () => {
  test('shows the values of what is known to be no secret, and of the rest only that there is one', () => {
    const before = of({
      R2_BUCKET: 'videos',
      R2_SECRET_KEY: 'aaa',
      SENTRY_DSN: 'bbb',
      OLD: 'ccc',
      DB_HOST: 'd',
    })
    const after = of({ R2_BUCKET: 'films', R2_SECRET_KEY: 'xxx', SENTRY_DSN: '', DB_HOST: 'd', NEW: 'yyy' })
    expect(changesBetween(before, after)).toEqual([
      { name: 'R2_BUCKET', kind: 'changed', before: 'videos', after: 'films' },
      { name: 'R2_SECRET_KEY', kind: 'changed', before: '[secret]', after: '[secret]' },
      { name: 'SENTRY_DSN', kind: 'emptied', before: '[secret]', after: '[empty]' },
      { name: 'NEW', kind: 'added', before: null, after: '[secret]' },
      { name: 'OLD', kind: 'dropped', before: '[secret]', after: null },
    ])
  })

  test('shows no login and no query in an address', () => {
    expect(shown('R2_ENDPOINT', 'https://u:p@h/x?sig=1')).toBe('https://***@h/x?…')
  })

  test.each([
    'R2_SECRET_KEY',
    'R2_ACCESS_KEY',
    'REDIS_PASSWORD',
    'DB_PASSWORD',
    'SECRET_KEY',
    'INTERNAL_TOKEN',
    'X',
  ])('never shows %s', (name) => expect(isPublic(name)).toBe(false))
})

describe('what a role needs', () => {
  test('is enough', () => {
    expect(problemsOf('worker', of(required))).toEqual([])
    expect(problemsOf('api', of(api))).toEqual([])
  })

  test.each(Object.keys(required))('of the worker without %s is not', (name) => {
    const { [name as keyof typeof required]: _, ...rest } = required
    expect(problemsOf('worker', of(rest))).toEqual([`${name} is required and not set`])
  })

  test.each(Object.keys(api).filter((name) => !/^(DB_PORT|INTERNAL_WORKER_TOKEN|LAMBDA_.*)$/.test(name)))(
    'of the API without %s is not',
    (name) => {
      const { [name]: _, ...rest } = api
      expect(problemsOf('api', of(rest))).toEqual([`${name} is required and not set`])
    },
  )

  test.each([
    ['CLOUDFLARE_R2_SECRET_ACCESS_KEY', 'R2_SECRET_KEY'],
    ['VIDEO_BUCKET_NAME', 'R2_BUCKET'],
    ['REDIS_URL', 'REDIS_HOST'],
  ])('is not had from %s, and the error says so', (wrong, proper) => {
    for (const [role, whole] of [
      ['worker', required],
      ['api', api],
    ] as const) {
      const { [proper]: value = '', ...rest } = whole as Record<string, string>
      expect(problemsOf(role, of({ ...rest, [wrong]: value }))).toEqual([
        `${proper} is required and not set (${wrong} is set but not read: use ${proper})`,
      ])
    }
  })

  test('is told in one error with every problem, and no value', () => {
    const wrong = of({ ...api, DB_PORT: 'hidden-1', REDIS_HOST: 'redis://:hidden-2@h', SECRET_KEY: '' })
    let message = ''
    try {
      needComplete('api', wrong, 'It')
    } catch (error) {
      message = (error as Error).message
    }
    expect(message.split('\n')).toEqual([
      'It is not enough for the api:',
      expect.stringContaining('SECRET_KEY is required'),
      expect.stringContaining('DB_PORT must be a whole number'),
      expect.stringContaining('REDIS_HOST must be a host name'),
    ])
    expect(message).not.toMatch(/hidden/)
  })

  test('is warned about where it is probably a mistake', () => {
    expect(warningsOf('api', of({}))).toEqual([
      expect.stringContaining('INTERNAL_WORKER_TOKEN is not set'),
      expect.stringContaining('LAMBDA_INTERNAL_API_KEY is not set'),
    ])
    const worker = of({ ...required, WORKER_ID: 'a', AWS_ACCESS_KEY_ID: 'b', UPLOAD_MAX_CONCURENCY: '4' })
    expect(warningsOf('worker', worker)).toEqual([
      expect.stringContaining('did you mean UPLOAD_MAX_CONCURRENCY'),
      expect.stringContaining('WORKER_ID is one worker’s own'),
      expect.stringContaining('AWS_ACCESS_KEY_ID is set'),
    ])
  })
})
