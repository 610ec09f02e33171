/**
 * `npm run corpus -- DIR [--json FILE] [--keep OUT] [--only NAME] [--made]`: sends every file of DIR/manifest.json
 * through a whole worker and prints what became of it. The exit code is 0 only when every file ended as the manifest
 * wants.
 *   --json FILE  writes the rows there
 *   --keep OUT   leaves each output in OUT, one folder a file
 *   --only NAME  this file alone; may be given several times
 *   --made       first makes awkward files there, with their manifest (made-files.ts); without DIR in a folder of its own
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { makeFiles } from './make.ts'
import { parseManifest } from './manifest.ts'
import { runCorpus } from './run.ts'
import { heading, rowLine, summary } from './table.ts'

/** sysexits.h: wrong usage. */
const exitUsage = 64
const exitInterrupted = 130

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort(new Error('stopped')))
const print = (line: string) => void process.stdout.write(`${line}\n`)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    keep: { type: 'string' },
    only: { type: 'string', multiple: true },
    made: { type: 'boolean', default: false },
  },
})
// npm runs its scripts in the project's folder and tells where it was called.
const cwd = (process.env.npm_lifecycle_event === 'corpus' && process.env.INIT_CWD) || process.cwd()
const [dir, ...rest] = positionals
if ((dir === undefined && !values.made) || rest.length > 0) {
  process.stderr.write('npm run corpus -- DIR|--made [DIR] [--json FILE] [--keep OUT] [--only NAME]\n')
  process.exit(exitUsage)
}
const own = dir === undefined ? mkdtempSync(join(tmpdir(), 'video-worker-made-')) : undefined
try {
  process.exitCode = await main(own ?? resolve(cwd, dir!))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = stop.signal.aborted ? exitInterrupted : 1
} finally {
  if (own) rmSync(own, { recursive: true, force: true })
}

async function main(folder: string): Promise<number> {
  if (values.made) await makeFiles(folder, { only: values.only, signal: stop.signal })
  const all = parseManifest(readFileSync(join(folder, 'manifest.json'), 'utf8'))
  const { only } = values
  const entries = only ? all.filter(({ file }) => only.includes(file)) : all
  if (entries.length === 0) throw new Error(`${folder}/manifest.json has no such file`)
  print(heading)
  const rows = await runCorpus({
    ...{ dir: folder, entries, signal: stop.signal },
    keep: values.keep === undefined ? undefined : resolve(cwd, values.keep),
    onRow: (row) => print(rowLine(row)),
    say: (line) => process.stderr.write(`${line}\n`),
  })
  print(summary(rows))
  if (values.json !== undefined)
    writeFileSync(resolve(cwd, values.json), `${JSON.stringify(rows, null, 2)}\n`)
  return rows.every((row) => row.right) ? 0 : 1
}
