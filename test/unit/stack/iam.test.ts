/**
 * What each role may do, against the calls that its program makes: derived from the imports that its entry reaches and
 * the commands of AWS that are made in them. Both ways: a call without a right fails in production, a right without a
 * call is one too many.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { type Grant, grants, type Role } from '../../../deploy/stack/policies.ts'
import { readSource, root, type Source } from '../house/sources.ts'

/** Clients of AWS. That of S3 speaks to R2, with R2's keys. */
const services: Readonly<Record<string, string>> = {
  '@aws-sdk/client-sqs': 'sqs',
  '@aws-sdk/client-auto-scaling': 'autoscaling',
  '@aws-sdk/client-cloudwatch': 'cloudwatch',
  '@aws-sdk/client-ssm': 'ssm',
}
const elsewhere = ['@aws-sdk/client-s3', '@aws-sdk/lib-storage']
/** Calls that a library makes with a client of ours. */
const libraries: Readonly<Record<string, string>> = { 'sqs-consumer': 'sqs:ReceiveMessage' }

/** Every source that an entry loads, types left out. */
function reached(entry: string, without: readonly string[] = []): Source[] {
  const found = new Map<string, Source>()
  const walk = (path: string) => {
    if (found.has(path) || without.includes(path) || !path.endsWith('.ts')) return
    const source = readSource(path)
    found.set(path, source)
    for (const { target, relative, typeOnly } of source.imports) if (relative && !typeOnly) walk(target)
  }
  walk(entry)
  return [...found.values()]
}

function callsOf(sources: readonly Source[]): string[] {
  const calls = new Set<string>()
  for (const { path, code, imports } of sources) {
    const packages = imports.filter(({ typeOnly }) => !typeOnly).map(({ target }) => target)
    const clients = packages.filter((name) => name.startsWith('@aws-sdk/'))
    for (const name of packages) if (libraries[name]) calls.add(libraries[name])
    const made = [...code.matchAll(/new (?:\w+\.)?(\w+)Command\(/g)].map(([, name]) => name!)
    if (made.length === 0 || clients.some((name) => elsewhere.includes(name))) continue
    const [service, ...more] = clients.flatMap((name) => services[name] ?? [])
    if (service === undefined || more.length > 0) throw new Error(`${path}: of which service are ${made}?`)
    // A batch needs the right of its single call.
    for (const name of made) calls.add(`${service}:${name.replace(/Batch$/, '')}`)
  }
  return [...calls].sort()
}

/** Actions of the AWS CLI in a script; some are called otherwise than the right that they need. */
function shellCalls(script: string): string[] {
  const odd: Readonly<Record<string, string>> = {
    'ecr get-login-password': 'ecr:GetAuthorizationToken',
    's3 cp': 's3:GetObject',
  }
  const code = script.replace(/^\s*#.*$/gm, '')
  const calls = [...code.matchAll(/\baws (\w+) ([a-z][a-z-]+)/g)].map(([, service, command]) => {
    const pascal = command!.replace(/(^|-)([a-z])/g, (_, _hyphen, letter: string) => letter.toUpperCase())
    return odd[`${service} ${command}`] ?? `${service}:${pascal}`
  })
  // deploy/commands/env-pull.ts reads one parameter.
  if (/video_worker env pull/.test(code)) calls.push('ssm:GetParameter')
  return [...new Set(calls)].sort()
}

const granted = (role: Role, by: readonly Grant['by'][]) =>
  [...new Set(grants[role].filter((grant) => by.includes(grant.by)).flatMap((grant) => grant.actions))].sort()

describe('what the code calls is what is granted', () => {
  test('to the worker', () => {
    expect(callsOf(reached('worker/main.ts'))).toEqual(granted('worker', ['code']))
  })

  test('to the publisher', () => {
    expect(callsOf(reached('deploy/backlog/main-lambda.ts'))).toEqual(granted('publisher', ['code']))
  })

  test('to operators, but for what doctor asks Auto Scaling on an instance, with its role', () => {
    const sources = reached('deploy/commands/main.ts', ['shared/scaling.ts'])
    expect(callsOf(sources)).toEqual(granted('operator', ['code']))
  })

  test('to the host', () => {
    const script = join(root, 'deploy/host/user-data.sh')
    const text = existsSync(script) ? readFileSync(script, 'utf8') : ''
    if (text === '') process.stderr.write('skipped: there is no deploy/host/user-data.sh yet\n')
    const made = readFileSync(join(root, 'deploy/stack/user-data.ts'), 'utf8')
    const calls = shellCalls(`${text}\n${made}`)
    // A right that the worker's code needs too is in its row.
    const missing = calls.filter((call) => !granted('worker', ['code', 'host']).includes(call))
    expect(missing).toEqual([])
    if (text !== '')
      expect(granted('worker', ['host']).filter((action) => !calls.includes(action))).toEqual([])
  })
})

test('what is granted to a system of AWS says whose calls they are, and is in no code of ours', () => {
  for (const [role, rows] of Object.entries(grants)) {
    for (const { by, why, actions } of rows.filter((row) => row.by === 'system')) {
      expect({ role, by, why }).toMatchObject({
        why: expect.stringMatching(/Docker|Lambda|agent|Parameter Store/),
      })
      const ours = [...granted(role as Role, ['code']), ...granted(role as Role, ['host'])]
      expect(actions.filter((action) => ours.includes(action))).toEqual([])
    }
  }
})

test('no action is granted twice on the same thing, and none has a star', () => {
  for (const rows of Object.values(grants)) {
    const pairs = rows.flatMap(({ actions, on }) =>
      actions.flatMap((action) => on.map((each) => `${action} ${each}`)),
    )
    expect(new Set(pairs).size).toBe(pairs.length)
    expect(pairs.filter((pair) => pair.includes('*'))).toEqual([])
  }
})

test('the calls are found where they are: a file that makes one is reached', () => {
  const paths = reached('worker/main.ts').map(({ path }) => path)
  expect(paths).toEqual(expect.arrayContaining(['shared/queue.ts', 'shared/scaling.ts', 'worker/intake.ts']))
  expect(shellCalls('x=$(aws ssm get-parameter --name a)\n# aws s3 cp no')).toEqual(['ssm:GetParameter'])
})
