import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { type Canaries, layCanaries } from '../../corpus/canaries.ts'

let dir: string
let canaries: Canaries
let port: number
let taken: Server

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'canaries-'))
  port = await freePort()
  taken = await listen(0)
  const ports = [port, portOf(taken)]
  canaries = await layCanaries(join(dir, 'scratch'), { names: ['neighbour.mp4'], ports })
})
afterEach(async () => {
  await canaries.close()
  taken.close()
  await rm(dir, { recursive: true, force: true })
})

test('sing when they are touched, once each', async () => {
  expect(await canaries.leaks()).toEqual([])
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe(canaries.text)
  const file = await readFile(join(dir, 'scratch/neighbour.mp4'), 'utf8')
  expect(file).toContain(canaries.text)
  // Where the file system notes no reading it says so, and only the server is left.
  const blind = canaries.blind.some((why) => why.includes('file system'))
  const heard = blind ? [] : ['somebody read neighbour.mp4']
  expect(await canaries.leaks()).toEqual([...heard, `somebody connected to port ${port}`])
  expect(await canaries.leaks()).toEqual([])
})

test('say what they cannot see', () => {
  expect(canaries.blind).toContain(`port ${portOf(taken)} is taken by somebody else`)
})

async function freePort(): Promise<number> {
  const server = await listen(0)
  const free = portOf(server)
  await new Promise((resolve) => server.close(resolve))
  return free
}

function listen(at: number): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(at, '127.0.0.1', () => resolve(server))
  })
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}
