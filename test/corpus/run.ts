/** A folder of files through one real worker, one job after the other, each held against the manifest. */
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type ErrorCode, errorCodes } from '../../shared/errors.ts'
import { type Fleet, type FleetWorker, openFleet, unhurried } from '../fleet/harness.ts'
import type { Outcome } from '../local/stack.ts'
import { keepOutput } from '../local/summary.ts'
import { logTail } from '../local/workers.ts'
import { baitOf, type Canaries, layCanaries } from './canaries.ts'
import type { Entry } from './manifest.ts'
import { measureOutput } from './measure.ts'
import type { Row } from './table.ts'
import { type Ended, judge, type Verdict } from './verdict.ts'
import { type ToolWatch, watchTools } from './watch.ts'

export const tenantId = 7
/** FFMPEG_MEMORY_LIMIT_MB of the worker: production's. */
const limitMb = 8192
/** A file may take this long, and ten times its length on top: generous, since the machine may be busy. */
const baseSeconds = 240
const perSecond = 10

/** As production has it, but that a job which is tried again does not wait. */
const settings = { ...unhurried, JOB_BACKOFF_BASE_SECONDS: '1', JOB_BACKOFF_CAP_SECONDS: '2' }

export interface CorpusInput {
  readonly dir: string
  readonly entries: readonly Entry[]
  /** Where each file's output is left, one folder a file. */
  readonly keep?: string | undefined
  readonly signal: AbortSignal
  onRow(row: Row): void
  say(line: string): void
}

/** Rejects when the worker itself ends, or on the signal. */
export async function runCorpus(input: CorpusInput): Promise<Row[]> {
  const { dir, entries, signal } = input
  signal.throwIfAborted()
  const fleet = await openFleet()
  const stop = () => void fleet.close()
  signal.addEventListener('abort', stop, { once: true })
  const workerId = `corpus-${process.pid}`
  const canaries = await layCanaries(join(fleet.dir, 'scratch'), await baitIn(dir, entries))
  const watch = watchTools(workerId, canaries.text)
  try {
    for (const line of canaries.blind) input.say(`the canaries are half blind: ${line}`)
    const worker = fleet.start(workerId, { ...settings, ...canaries.env })
    const { sandbox } = await worker.logged(({ msg }) => msg === 'sandbox of ffmpeg')
    input.say(`sandbox: ${JSON.stringify(sandbox)}`)
    const rows: Row[] = []
    for (const [index, entry] of entries.entries()) {
      const row = await runEntry(entry, index + 1, { input, fleet, worker, canaries, watch })
      input.onRow(row)
      rows.push(row)
    }
    return rows
  } finally {
    signal.removeEventListener('abort', stop)
    watch.stop()
    await canaries.close()
    await fleet.close()
  }
}

interface Around {
  readonly input: CorpusInput
  readonly fleet: Fleet
  readonly worker: FleetWorker
  readonly canaries: Canaries
  readonly watch: ToolWatch
}

async function runEntry(entry: Entry, videoId: number, around: Around): Promise<Row> {
  const { input, fleet, worker, canaries, watch } = around
  const boundSeconds = baseSeconds + perSecond * (entry.want.seconds ?? 0)
  await canaries.leaks()
  watch.takePeakMb()
  const started = performance.now()
  const path = join(input.dir, entry.file)
  const { outcome } = await sendFile(fleet, path, {
    videoId,
    name: entry.uploadName,
    seconds: boundSeconds,
    worker,
  })
  const seconds = (performance.now() - started) / 1000
  const peakMb = watch.takePeakMb()
  const verdict = verdictOf(outcome)
  const kept = join(input.keep ?? join(fleet.dir, 'kept'), entry.file)
  const measured =
    verdict === 'ok' ? await measure(fleet, outcome, kept, entry, path, input.signal) : undefined
  const leaks = [...(await canaries.leaks()), ...watch.told.splice(0)]
  if (entry.evil) leaks.push(...(await spilt(fleet, canaries.text, outcome)))
  if (input.keep === undefined) await rm(kept, { recursive: true, force: true })
  const ended: Ended = {
    ...{ verdict, seconds, boundSeconds, peakMb, limitMb, leaks },
    ...(measured === undefined ? {} : { measured }),
  }
  return {
    ...{ file: entry.file, expect: entry.expect, verdict, seconds, peakMb },
    code: String(outcome?.body.code ?? ''),
    reason: String(outcome?.body.reason ?? ''),
    measured: measured && 'width' in measured ? measured : undefined,
    ...judge(entry, ended),
  }
}

/** One file as the product sends it; without an outcome when none came within `seconds`. */
export async function sendFile(
  { stack }: Fleet,
  path: string,
  job: { videoId: number; name: string; seconds: number; worker: FleetWorker },
): Promise<{ outcome: Outcome | undefined }> {
  const { videoId, name, seconds, worker } = job
  const fileKey = await stack.upload(path, { tenantId, name })
  const jobId = await stack.sendJob({ tenantId, videoId, fileKey })
  const late = AbortSignal.timeout(Math.ceil(seconds * 1000))
  const ended = worker.ended.then((how) => {
    throw new Error(`the worker ended (${how}): ${logTail(worker).join('\n')}`)
  })
  const outcome = await Promise.race([stack.waitFor(jobId, { signal: late }), ended]).catch((error) => {
    if (late.aborted) return undefined
    throw error
  })
  return { outcome }
}

/** A refusal must be the file's fault, for good and with a sentence; everything else that is no success has failed. */
function verdictOf(outcome: Outcome | undefined): Verdict {
  if (outcome === undefined) return 'timeout'
  if (outcome.kind === 'complete') return 'ok'
  const { code, reason, retryable } = outcome.body
  const kind = errorCodes[code as ErrorCode]?.kind
  return kind === 'rejected' && retryable === false && String(reason).length > 20 ? 'reject' : 'failed'
}

async function measure(
  { stack }: Fleet,
  outcome: Outcome | undefined,
  kept: string,
  { want }: Entry,
  source: string,
  signal: AbortSignal,
) {
  const master = String(outcome?.body.hls_path)
  await rm(kept, { recursive: true, force: true })
  await keepOutput(stack.storage, master, kept, signal)
  return measureOutput(join(kept, 'master.m3u8'), { source, want }, signal).catch((error: Error) => ({
    problem: `the output cannot be read: ${error.message.split('\n')[0]}`,
  }))
}

/** Where the canary's text lies although it must not: in the bucket or in what the API was told. */
async function spilt(
  { stack, signal }: Fleet,
  text: string,
  outcome: Outcome | undefined,
): Promise<string[]> {
  const found = JSON.stringify(outcome ?? '').includes(text) ? ['the callback holds the canary’s text'] : []
  for await (const { key, bytes } of stack.storage.list('tenants/', signal)) {
    if (key.includes('/video/raw/') || bytes === 0) continue
    const body = await stack.storage.getRange(key, { start: 0, end: bytes - 1 }, { signal })
    if (body.includes(text)) found.push(`${key} holds the canary’s text`)
  }
  return found
}

async function baitIn(dir: string, entries: readonly Entry[]) {
  const names: string[] = []
  const ports: number[] = []
  for (const { file, evil } of entries) {
    if (!evil || !existsSync(join(dir, file))) continue
    const bait = baitOf((await readFile(join(dir, file))).subarray(0, 65_536).toString('latin1'))
    names.push(...bait.names)
    ports.push(...bait.ports)
  }
  return { names: [...new Set(names)], ports: [...new Set(ports)] }
}
