import { randomUUID } from 'node:crypto'
import type { Config } from '../../shared/config.ts'
import { probeStorage, type StorageStep } from '../../shared/storage-probe.ts'
import type { CommandContext } from './context.ts'
import type { Notes } from './finding.ts'

const todos: Readonly<Record<StorageStep['step'], string>> = {
  write:
    'look at R2_ENDPOINT, R2_BUCKET and the token’s rights: it needs “Object Read & Write” on this bucket',
  read: 'give the token the right to read objects',
  range: 'the bucket, or a proxy before it, does not serve ranges: sources cannot be read',
  'only if absent': 'the bucket does not know If-None-Match: two workers could plan one job differently',
  list: 'give the token the right to list the bucket: finished chunks could not be found again',
  multipart: 'allow multipart uploads: objects above 64 MiB could not be stored',
  delete: 'give the token the right to delete: older versions and deleted videos would stay for ever',
}

export async function checkBucket({ r2 }: Config, notes: Notes, { signal }: CommandContext): Promise<void> {
  const folder = `.video-worker/doctor/${randomUUID()}/`
  const steps = await probeStorage(r2, folder, signal)
  const done = steps.filter(({ ok }) => ok).map(({ step }) => step)
  if (done.length > 0) notes.ok(r2.bucket, done.join(', '))
  for (const { step, ok, problem } of steps)
    if (!ok) notes.fail(r2.bucket, `${step}: ${problem}`, todos[step])
}
