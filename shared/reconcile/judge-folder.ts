import type { Finding, Repair } from './finding.ts'
import type { FolderView } from './folder.ts'
import type { Limits } from './limits.ts'
import { isOpen, type JobRow } from './records.ts'

export interface FolderTimes {
  /** Milliseconds since 1970. */
  readonly now: number
  /** Whether the queue has been empty for minutes. */
  readonly empty: boolean
}

/**
 * What a job's folder in the bucket should be by now. row: the job's record; undefined when there is none: 15 days have
 * passed, or Redis was wiped. What only the age decides is then left for 15 days, so that nothing that lives is taken
 * for dead. A ledger is also what a callback is made from that the API has yet to accept. Pure.
 */
export function judgeFolder(
  view: FolderView,
  row: JobRow | undefined,
  { now, empty }: FolderTimes,
  limits: Limits,
): Finding | undefined {
  const ageSeconds = Math.round((now - view.newest) / 1000)
  // Jobs that are under way are judged by their records.
  if ((row && isOpen(row)) || ageSeconds <= limits.leftSeconds) return undefined
  const forgotten = ageSeconds > limits.forgottenSeconds
  const published = view.published !== undefined

  if (row) {
    const removed = found(
      published ? 'ledger_left' : 'folder_left',
      remove(published),
      `the job is ${row.state}`,
    )
    // Given up after it was published: an operator's redrive still has to report it.
    return published && row.state === 'dead' && !forgotten ? undefined : removed
  }
  if (published) {
    if (view.superseded) return found('ledger_left', remove(true), 'a newer version is published')
    const again = send()
    if (again) return found('job_unreported', again, 'published, and nobody remembers that the API was told')
    return forgotten
      ? found('ledger_left', remove(true), 'nobody can have its message any more')
      : found(
          'job_unreported',
          null,
          `left until ${limits.forgottenSeconds} s old: no message can be made from it`,
        )
  }
  const again = view.superseded || !view.source ? null : send()
  if (again && (empty || forgotten))
    return found('job_forgotten', again, 'begun, without record and message; its source is there')
  if (again || !forgotten) return undefined
  return found('folder_left', remove(false), 'without record and message for longer than either is kept')

  function found(code: Finding['code'], repair: Repair | null, reason: string): Finding {
    const { folder, ledger, superseded } = view
    const evidence = { ledger, published, superseded, record: row?.state ?? 'none' }
    return { code, what: folder, ageSeconds, evidence, repair, reason }
  }
  function remove(ledgerOnly: boolean): Repair {
    return { type: 'remove', folder: view.folder, only: ledgerOnly ? 'ledger' : 'all' }
  }
  function send(): Repair | null {
    if (view.body === undefined) return null
    return {
      ...{
        type: 'send',
        jobId: view.jobId,
        body: view.body,
        groupId: `tenant-${view.tenantId}`,
        counter: '',
      },
      ...{ found: { state: '', updated: 0 }, againSeconds: limits.backstopSeconds },
    }
  }
}
