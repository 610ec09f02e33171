/**
 * `npm run fuzz [-- --files N --parsers N --seed N --corpus DIR --keep DIR]`: damaged files through probe and plan,
 * and our own parsers under odd input. Exit code 1 when anything crashed, hung or ended without a reason; the files
 * that did stay in --keep. The same seed repeats a run.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { fuzzFiles } from './files.ts'
import { fuzzParsers } from './parsers.ts'
import { makeSamples } from './samples.ts'

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '500' },
    parsers: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    corpus: { type: 'string' },
    keep: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
})
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort(new Error('stopped')))
const from = process.env.INIT_CWD ?? process.cwd()
const scratch = mkdtempSync(join(tmpdir(), 'video-worker-fuzz-'))
const seed = Number(values.seed)
try {
  const parsers = fuzzParsers(await makeSamples(join(scratch, 'samples')), Number(values.parsers), seed)
  const files = await fuzzFiles({
    corpus: values.corpus === undefined ? undefined : resolve(from, values.corpus),
    ...{ count: Number(values.files), seed, signal: stop.signal },
    folder: values.keep === undefined ? join(scratch, 'files') : resolve(from, values.keep),
    onFile: values.verbose ? (line) => process.stderr.write(`${line}\n`) : () => undefined,
  })
  const findings = [...parsers.findings, ...files.findings]
  const { ends, longest } = files
  const told = { parsers: parsers.runs, files: ends, longest, findings }
  process.stdout.write(`${JSON.stringify(told, null, 2)}\n`)
  process.exitCode = findings.length > 0 ? 1 : 0
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
