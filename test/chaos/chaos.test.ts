import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ledgerLines } from './report.ts'
import { type ChaosResult, runChaos } from './run.ts'

// A small run of `npm run chaos`: half a minute of everything at once. Whatever is broken, its ledger names it.
const stop = new AbortController()
const said: string[] = []
let result: ChaosResult
beforeAll(async () => {
  const size = { jobs: 12, workers: 2, seconds: 30, seed: 3 }
  result = await runChaos({ ...size, signal: stop.signal, say: (line) => said.push(line) })
}, 600_000)
afterAll(() => stop.abort(new Error('the suite is over')))

describe('half a minute of chaos', () => {
  test('leaves a ledger that balances', () => {
    const { breaches } = result.balance
    // The whole account is shown when it does not.
    expect(breaches.length === 0 ? [] : [...said, ...ledgerLines(result)]).toEqual([])
    expect(result.balance.jobs).toBe(12)
  })

  test('did hurt: injuries hit, workers were replaced, and jobs of several kinds came to their ends', () => {
    const hits = Object.values(result.strikes).reduce((sum, hit) => sum + hit, 0)
    expect(hits).toBeGreaterThan(5)
    expect(result.workerStarts).toBeGreaterThan(2)
    expect(result.balance.ended.complete).toBeGreaterThan(0)
    expect(result.samples.length).toBeGreaterThan(0)
    expect(ledgerLines(result).join('\n')).toMatch(/least time left on a lease +\| [\d-]/)
  })
})
