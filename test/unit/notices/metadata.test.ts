import { afterEach, describe, expect, test } from '@jest/globals'
import { openMetadata } from '../../../shared/metadata.ts'
import { findInstance } from '../../../worker/notices/instance.ts'
import { watch } from '../../../worker/notices/watch.ts'
import { type MetadataServer, type MetadataServerOptions, startMetadataServer } from '../../local/imds.ts'
import { listen } from './said.ts'

const { signal } = new AbortController()
const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0)) await step()
})

async function open(options: MetadataServerOptions = {}) {
  const server = await startMetadataServer({ paths: { 'instance-id': 'i-1' }, ...options })
  const answers: string[] = []
  const metadata = openMetadata({ endpoint: server.endpoint, onAnswer: (result) => answers.push(result) })
  undo.push(server.close, metadata.close)
  const tokens = () => server.requests.filter(({ path }) => path === 'api/token').length
  return { server, metadata, answers, tokens }
}

describe('the instance metadata', () => {
  test('is read with a token, which is asked for once', async () => {
    const { metadata, tokens, answers } = await open()
    expect(await metadata.get('instance-id', signal)).toBe('i-1')
    expect(await metadata.get('spot/instance-action', signal)).toBeUndefined()
    expect([tokens(), answers]).toEqual([1, ['found', 'absent']])
  })

  test('is read with a new token before the old one ends', async () => {
    const { metadata, tokens, server } = await open({ tokenSeconds: 1 })
    while (tokens() < 3) {
      await metadata.get('instance-id', signal)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(server.requests.filter(({ status }) => status === 401)).toEqual([])
  })

  test('that refuses the token (401) gets a new one, and that is told', async () => {
    const { metadata, server, answers } = await open()
    await metadata.get('instance-id', signal)
    server.forgetTokens()
    expect(await metadata.get('instance-id', signal)).toBe('i-1')
    expect(answers).toEqual(['found', 'renewed', 'found'])
  })

  test('that refuses the new token too is an error, as is every answer but 200 and 404', async () => {
    const { metadata, server } = await open()
    server.faults.failNext({ operation: 'Get' }, { status: 401, times: 2 })
    await expect(metadata.get('instance-id', signal)).rejects.toMatchObject({ code: 'metadata_unavailable' })
    for (const status of [400, 403, 500, 503]) {
      server.faults.failNext({ operation: 'Get' }, { status })
      await expect(metadata.get('instance-id', signal)).rejects.toThrow(`instance-id: status ${status}`)
    }
  })

  test('that does not answer is given up within a second or so, and an abort ends the wait with its reason', async () => {
    const { metadata, server } = await open()
    server.faults.failNext({ operation: 'Token' }, { stall: true })
    await expect(metadata.get('instance-id', signal)).rejects.toThrow('no answer (ETIMEDOUT)')
    server.faults.failNext({ operation: 'Token' }, { stall: true })
    const stop = new AbortController()
    const asked = metadata.get('instance-id', stop.signal)
    stop.abort(new Error('the worker leaves'))
    await expect(asked).rejects.toThrow('the worker leaves')
  })
})

describe('a starting worker', () => {
  const config = (endpoint: string, more: { disabled?: boolean; group?: string } = {}) => ({
    metadata: { disabled: more.disabled ?? false, endpoint },
    scaling: {
      group: more.group ?? '',
      hook: '',
      protection: 'auto' as const,
      idleSeconds: 60,
    },
  })
  const found = async (server: MetadataServer, group = '') => {
    const look = await findInstance(config(server.endpoint, { group }), signal)
    if (look.instance) undo.push(look.instance.metadata.close)
    return look
  }

  test('finds its instance, and its group by the variable or the tag', async () => {
    const { server } = await open()
    expect((await found(server)).instance).toMatchObject({ id: 'i-1', group: undefined })
    server.set('tags/instance/aws:autoscaling:groupName', 'by-tag')
    expect((await found(server)).instance).toMatchObject({ group: 'by-tag' })
    expect((await found(server, 'by-name')).instance).toMatchObject({ group: 'by-name' })
  })

  test('finds it although the first answers fail', async () => {
    const { server } = await open()
    server.faults.failNext({ operation: 'Token' }, { status: 503 })
    server.faults.failNext({ operation: 'Get' }, { reset: true })
    expect((await found(server)).said).toBe('instance i-1')
  })

  test('that is on no instance says why once, and expects one only where something tells of it', async () => {
    const none = { vendorFile: '/nowhere' }
    expect(await findInstance(config('http://127.0.0.1:9', { disabled: true }), signal, none)).toEqual({
      said: 'AWS_EC2_METADATA_DISABLED is set',
      expected: false,
    })
    const laptop = await findInstance(config('http://127.0.0.1:9'), signal, none)
    expect(laptop).toEqual({ said: expect.stringContaining('no answer (ECONNREFUSED)'), expected: false })
    const container = await findInstance(config('http://127.0.0.1:9', { group: 'workers' }), signal, none)
    expect(container).toEqual({ said: expect.stringContaining('hop limit of 2'), expected: true })
  })
})

test('what cannot be watched is warned of once, never at debug, and once more when it can be again', async () => {
  const { logger, said } = listen()
  const stop = new AbortController()
  let looks = 0
  const look = async () => {
    looks += 1
    if (looks === 12) stop.abort(new Error('enough'))
    if (looks < 10) throw new Error('status 403')
  }
  await watch('spot notices', 0.001, look, { logger, signal: stop.signal })
  expect(said.map(({ level, msg }) => [level, msg])).toEqual([
    ['warn', 'spot notices cannot be watched'],
    ['info', 'spot notices can be watched again'],
  ])
})
