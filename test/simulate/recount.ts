/** The backlog counted anew, from what the API counted and the records say. */
import { backlogKey, jobRecordKey } from '../../shared/keys.ts'
import type { People } from './jobs.ts'
import type { World } from './world.ts'

/**
 * A counted job stands in the backlog until its record is there and does not wait; a part while it waits. A record that
 * owes has not been taken out yet (shared/lua/prelude.lua).
 */
export function recount(
  { redis }: World,
  people: People,
  tenantId: number,
  counted: number,
): { count: number; owed: number } {
  const prefix = jobRecordKey('')
  const videos = people.videos.filter((video) => video.tenantId === tenantId)
  const mine = new Set(videos.flatMap(({ jobs }) => jobs.map(({ id }) => id)))
  const others = new Set(people.jobs.map(({ id }) => id).filter((id) => !mine.has(id)))
  let owed = counted
  for (const key of redis.keys(prefix)) {
    const [job = '', part] = key.slice(prefix.length).split('/')
    // What is nobody's job is a delete, whose tenant its record does not name.
    const deletes = !mine.has(job) && !others.has(job)
    if (others.has(job) || (deletes && !videos.some(({ deleteId }) => deleteId === job))) continue
    const record = redis.hash(key)
    const stands = record.waiting === '1' || record.owed_until !== undefined
    if (part !== undefined) owed += stands ? 1 : 0
    else owed -= stands ? 0 : 1
  }
  return { count: Number(redis.call('GET', backlogKey(tenantId)) ?? 0), owed }
}
