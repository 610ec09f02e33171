/**
 * npm run chaos -- [--jobs 200] [--workers 4] [--minutes 10] [--seed 1] [--json FILE] [--plot FILE]
 * Exit 0 when the ledger balances, 1 when it does not (logs are kept, and told where), 64 for a wrong option.
 * docs/chaos.md.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { soakPlot } from './plot.ts'
import { ledgerLines } from './report.ts'
import { runChaos } from './run.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '200' },
    workers: { type: 'string', default: '4' },
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
    plot: { type: 'string' },
  },
})
const wrong = (['jobs', 'workers', 'minutes', 'seed'] as const).filter((name) => !(Number(values[name]) > 0))
if (wrong.length > 0) {
  process.stderr.write(`--${wrong.join(', --')}: a number above 0\n`)
  process.exit(64)
}
const size = { jobs: Number(values.jobs), workers: Number(values.workers), seed: Number(values.seed) }
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort(new Error('stopped')))

const say = (line: string) => process.stderr.write(`${line}\n`)
const result = await runChaos({ ...size, seconds: Number(values.minutes) * 60, say, signal: stop.signal })
process.stdout.write(`${ledgerLines(result).join('\n')}\n`)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result)}\n`)
if (values.plot !== undefined) writeFileSync(values.plot, soakPlot(result))
process.exit(result.balance.breaches.length === 0 ? 0 : 1)
