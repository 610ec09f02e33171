/** `video-worker` as a process: exit codes, streams, signals, and what it says where nobody can be asked. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Stack, startStack } from '../../local/stack.ts'

const program = fileURLToPath(new URL('../../../deploy/setup/video-worker.mjs', import.meta.url))
let dir: string
let stack: Stack
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'commands-test-'))
  stack = await startStack({ dir: join(dir, 'stack') })
})
afterAll(async () => {
  await stack?.close()
  await rm(dir, { recursive: true, force: true })
})

function start(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const { PATH = '' } = process.env
  // From another folder, as npx does it.
  return spawn(process.execPath, [program, ...args], { env: { PATH, ...env }, cwd: dir })
}
async function run(args: readonly string[], env: Readonly<Record<string, string>> = stack.env()) {
  const child = start(args, env)
  const texts = { out: '', err: '' }
  child.stdout!.on('data', (data) => {
    texts.out += data
  })
  child.stderr!.on('data', (data) => {
    texts.err += data
  })
  const [exit] = await once(child, 'close')
  return { exit, ...texts }
}

test('prints one JSON document on standard output, and nothing else', async () => {
  const { exit, out, err } = await run(['status', '--json'])
  expect([exit, err]).toEqual([0, ''])
  expect(JSON.parse(out)).toMatchObject({ problems: [], workers: [], jobs: [], backlog: { total: 0 } })
})

test('is refused where nobody can be asked, and ends by a signal', async () => {
  const refused = await run(['drain', '--all'])
  expect(refused).toEqual({ exit: 77, out: '', err: expect.stringContaining('add --yes') })
  const watching = start(['status', '--watch', '--json', '--interval', '0.2'], stack.env())
  const closed = once(watching, 'close')
  let lines = ''
  for await (const data of watching.stdout!) {
    lines += data
    if (lines.split('\n').length > 2) break
  }
  watching.kill('SIGINT')
  expect((await closed)[0]).toBe(130)
  const [first, second] = lines.split('\n').map((line) => (line === '' ? undefined : JSON.parse(line)))
  expect(second.at > first.at).toBe(true)
})

test('names what is wrong with the configuration or the command, each with its code', async () => {
  expect(await run(['dlq', 'list'], {})).toMatchObject({
    exit: 78,
    out: '',
    err: expect.stringContaining('- VIDEO_SQS_QUEUE_NAME is required and not set'),
  })
  expect(await run(['dlq', 'lst', '--json'])).toMatchObject({
    exit: 64,
    err: expect.stringMatching(/^\{"error":\{"code":"usage"/),
  })
})

test('shows the fleet beside keys that somebody else wrote under its names, and names them', async () => {
  const keys = ['video-worker:job:nobody', 'video-worker:worker:nobody', 'tenant:9:video:backlog_count']
  for (const key of keys) await stack.redisClient.rpush(key, 'x')
  await stack.redisClient.set('tenant:7:video:backlog_count', 3)
  const { exit, out } = await run(['status', '--json'])
  const { problems, backlog, jobs, workers } = JSON.parse(out)
  expect([exit, backlog.total, jobs, workers]).toEqual([69, 3, [], []])
  expect(problems.toSorted()).toEqual(
    keys.toSorted().map((key) => expect.stringContaining(`another type in ${key}`)),
  )
  await stack.redisClient.del(...keys, 'tenant:7:video:backlog_count')
})
