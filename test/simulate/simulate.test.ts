/**
 * A short run of `npm run simulate` (docs/simulation.md). It has a process of its own: jest loads modules in its own way,
 * and the simulation replaces some of them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mutations } from './mutations.ts'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
let dir: string
const children = new Set<ChildProcess>()
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'simulate-test-'))
})
afterAll(async () => {
  // One that took too long for its test.
  for (const child of children) child.kill('SIGKILL')
  await rm(dir, { recursive: true, force: true })
})

async function simulate<T>(name: string, ...args: string[]): Promise<T> {
  const file = join(dir, `${name}.json`)
  const child = spawn(process.execPath, [main, ...args, '--json', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  children.add(child)
  await once(child, 'exit')
  children.delete(child)
  return JSON.parse(await readFile(file, 'utf8')) as T
}

interface Runs {
  readonly failed: readonly object[]
  readonly digests: Readonly<Record<string, string>>
  readonly sum: { readonly jobs: number; readonly injuries: number }
}

test('a hundred runs break no promise, and the same seed gives the same run whatever ran before it', async () => {
  const hundred = await simulate<Runs>('hundred', '--seeds', '100')
  expect(hundred.failed).toEqual([])
  // Not for want of trouble.
  expect(hundred.sum.jobs).toBeGreaterThan(150)
  expect(hundred.sum.injuries).toBeGreaterThan(1000)
  const three = await simulate<Runs>('three', '--seeds', '3', '--from', '41')
  expect(hundred.digests).toMatchObject(three.digests)
  expect(new Set(Object.values(hundred.digests)).size).toBe(100)
})

test('each planted bug is found, and breaks the promise that it should', async () => {
  const { found, failed } = await simulate<{ found: { name: string }[]; failed: object[] }>(
    'planted',
    '--mutations',
  )
  expect(failed).toEqual([])
  expect(found.map(({ name }) => name)).toEqual(mutations.map(({ name }) => name))
})
