import { describe, expect, test } from '@jest/globals'
import { writeDrainRequest } from '../../../shared/drain-request.ts'
import { drainAllRequest, drainRequest } from '../../../shared/keys.ts'
import { createNoticeBoard, type Notice } from '../../../worker/notices/board.ts'
import { createOperatorLook } from '../../../worker/notices/operator.ts'
import { createSpot } from '../../../worker/notices/spot.ts'
import { listen } from './said.ts'

const { signal } = new AbortController()
const notice = (source: Notice['source'], seconds: number): Notice => ({ source, reason: source, seconds })

describe('of several notices', () => {
  test('the first is the reason, the nearest deadline counts, and each source is told once', async () => {
    const { logger, said } = listen()
    const sources: string[] = []
    const nearer: number[] = []
    const board = createNoticeBoard(logger, (source) => sources.push(source))
    board.onNearer((seconds) => nearer.push(seconds))
    expect(board.current()).toBeUndefined()
    for (const [source, seconds] of [
      ['operator', 90],
      ['signal', 90],
      ['spot', 40],
      ['spot', 40],
      ['lifecycle', 60],
    ] as const)
      board.raise(notice(source, seconds))
    expect(await board.first).toEqual(notice('operator', 90))
    expect(nearer).toEqual([40])
    expect(board.current()?.source).toBe('operator')
    expect(board.current()?.seconds).toBeGreaterThan(30)
    expect(board.current()?.seconds).toBeLessThanOrEqual(40)
    expect(sources).toEqual(['operator', 'signal', 'spot', 'lifecycle'])
    expect(said.map(({ msg, source }) => [msg, source])).toEqual(
      sources.map((source) => ['notice to leave', source]),
    )
  })
})

/** What a look at metadata with these paths raises. */
async function spotNotice(paths: Record<string, string>, drainSeconds = 90) {
  const { logger, said } = listen()
  const board = createNoticeBoard(logger)
  const metadata = { get: async (path: string) => paths[path], close() {} }
  const spot = createSpot({ metadata, board, logger, drainSeconds })
  await spot.look(signal)
  await spot.look(signal)
  return { notice: board.current(), rebalance: spot.rebalance, said }
}
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString()
const action = (time: string) => ({ 'spot/instance-action': JSON.stringify({ action: 'terminate', time }) })

describe('a Spot notice', () => {
  test.each([
    ['two minutes ahead leaves what DRAIN_SECONDS gives', 120, 90, 90],
    ['with a shorter time leaves 20 s less than that', 70, 90, 50],
    ['by a clock that differs is not believed more than EC2 gives', 5000, 300, 100],
    ['that was seen late still leaves time to hand back', -30, 90, 10],
  ])('%s', async (_, ahead, drainSeconds, left) => {
    const { notice: raised } = await spotNotice(action(inSeconds(ahead)), drainSeconds)
    expect(raised?.source).toBe('spot')
    expect(raised?.seconds).toBeLessThanOrEqual(left)
    expect(raised?.seconds).toBeGreaterThan(left - 8)
  })

  test('whose time cannot be read may be any moment', async () => {
    const { notice: raised } = await spotNotice(action('soon'))
    expect(raised?.seconds).toBeGreaterThan(2)
    expect(raised?.seconds).toBeLessThanOrEqual(10)
  })

  test('that is no JSON is no notice, but an error that is told', async () => {
    await expect(spotNotice({ 'spot/instance-action': '<html>' })).rejects.toMatchObject({
      code: 'metadata_unavailable',
    })
  })

  test('that is absent is nothing, and a rebalance recommendation drains nobody', async () => {
    expect(await spotNotice({})).toEqual({ notice: undefined, rebalance: false, said: [] })
    const recommended = await spotNotice({ 'events/recommendations/rebalance': '{"noticeTime":"…"}' })
    expect([recommended.notice, recommended.rebalance]).toEqual([undefined, true])
    expect(recommended.said).toHaveLength(1)
  })
})

describe('an operator’s request', () => {
  const startedAtMs = Date.UTC(2026, 0, 1)
  function operator(keys: Map<string, string>) {
    const board = createNoticeBoard(listen().logger)
    const redis = { get: async (key: string) => keys.get(key) ?? null }
    const look = createOperatorLook({ redis, board, workerId: 'w', drainSeconds: 90, startedAtMs })
    return { board, look: () => look(signal) }
  }

  test.each([drainRequest('w'), drainAllRequest])('at %s drains this worker', async (key) => {
    const keys = new Map<string, string>()
    const { board, look } = operator(keys)
    await look()
    expect(board.current()).toBeUndefined()
    // By a clock that is far behind: it was not there a moment ago.
    keys.set(key, writeDrainRequest('ann', startedAtMs - 3600_000))
    await look()
    expect(board.current()).toMatchObject({ source: 'operator', reason: expect.stringContaining('ann') })
  })

  test('that stood there before the worker started was its predecessor’s', async () => {
    const keys = new Map([[drainRequest('w'), writeDrainRequest('ann', startedAtMs - 1000)]])
    const { board, look } = operator(keys)
    await look()
    await look()
    expect(board.current()).toBeUndefined()
    keys.set(drainRequest('w'), writeDrainRequest('ann', startedAtMs + 5000))
    await look()
    expect(board.current()?.source).toBe('operator')
  })

  test('made while Redis could not be read is heard at the first look', async () => {
    const { board, look } = operator(new Map([[drainAllRequest, writeDrainRequest('ann', startedAtMs + 1)]]))
    await look()
    expect(board.current()?.source).toBe('operator')
  })

  test('for another worker, or one that cannot be read, is none', async () => {
    const keys = new Map([[drainRequest('another'), writeDrainRequest('ann', startedAtMs + 5000)]])
    keys.set(drainAllRequest, 'please')
    const { board, look } = operator(keys)
    await look()
    expect(board.current()).toBeUndefined()
  })
})
