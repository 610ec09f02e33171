import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'

/** Judge and corpus of this workplace, beside the repository. Elsewhere the tests on them are skipped, loudly. */
const shared = join(import.meta.dirname, '../../../../shared')
export const corpusDir = join(shared, 'media')
export const judge = join(shared, 'tools/hlscheck/hlscheck.py')
export const haveCorpus = existsSync(join(corpusDir, 'manifest.json')) && existsSync(judge)

if (!haveCorpus) process.stderr.write('SKIPPED: no corpus and no judge beside the repository (../shared)\n')

/** A folder that is gone after `dispose`. */
export async function scratch(): Promise<{ dir: string; [Symbol.asyncDispose](): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'media-test-'))
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}

/** Makes a clip with ffmpeg's own test sources. */
export async function makeClip(args: readonly string[]): Promise<void> {
  await execa('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args])
}

/** What the judge finds wrong: lines "FAIL id: problem" (rules that must hold). */
export async function judgeOutput(master: string, source: string): Promise<string[]> {
  // The one documented extra that the judge does not know: docs/output.md.
  const args = [judge, master, '--source', source, '--json', '--ignore', 'chapters.vtt']
  const { stdout, stderr } = await execa('python3', args, { reject: false })
  const report = parse(stdout)
  if (!report) return [`the judge gave no report: ${stderr.slice(-500)}`]
  if (report.checks.length <= 30) return [`the judge made ${report.checks.length} checks only`]
  return report.checks
    .filter(({ status }) => status === 'FAIL')
    .map(({ id, problems }) => `FAIL ${id}: ${problems.slice(0, 2).join(' | ')}`)
}

function parse(text: string): { checks: { id: string; status: string; problems: string[] }[] } | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
