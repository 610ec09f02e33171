import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { makeClip } from './clips.ts'
import { type Fleet, openFleet } from './harness.ts'

// A whole job with ffmpeg in all of the sandbox that this system allows, and one with the limits alone.
const tenantId = 11
const parts = ['network', 'processes', 'files', 'user', 'privileges', 'limits']
interface Report {
  level: string
  parts: string[]
  missing: Record<string, string>
}

let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet()
})
afterAll(() => fleet?.close())

async function runOne(name: string, videoId: number, env: Record<string, string>) {
  const worker = fleet.start(name, env)
  const { sandbox } = await worker.logged(({ msg }) => msg === 'sandbox of ffmpeg')
  const shown = (await (await fetch(`${await worker.address()}/status`)).json()) as { sandbox: Report }
  expect(shown.sandbox).toEqual(sandbox)
  const fileKey = await fleet.stack.upload(await makeClip(fleet.dir, 'plain.mp4'), { tenantId })
  const jobId = await fleet.stack.sendJob({ tenantId, videoId, fileKey })
  const outcome = await fleet.stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect(outcome.kind).toBe('complete')
  await worker.stop()
  return shown.sandbox
}

test('a job runs in it, and status and log say how tight it is', async () => {
  const { level, parts: inForce, missing } = await runOne('held', 1, {})
  expect([...inForce, ...Object.keys(missing)].toSorted()).toEqual(parts.toSorted())
  expect(level === 'full').toBe(Object.keys(missing).length === 0)
  if (level !== 'full') process.stderr.write(`the sandbox is ${level} here: ${JSON.stringify(missing)}\n`)
})

test('SANDBOX=off leaves the limits', async () => {
  const { parts: inForce } = await runOne('limited', 2, { SANDBOX: 'off' })
  expect(inForce.filter((part) => part !== 'limits')).toEqual([])
})
