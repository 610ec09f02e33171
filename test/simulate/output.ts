/** Whether what a viewer finds under a master playlist is whole, one job's own, and of one plan. */
import type { Bucket } from './bucket.ts'
import { readPiece } from './film.ts'

/**
 * What is wrong with a published job, in words; undefined when nothing is. folder: of the job, with its slash. Nothing
 * is excused: not even a write that arrives when its writer has given up can put one plan's bytes among another's.
 */
export function faultOf(bucket: Bucket, folder: string, jobId: string): string | undefined {
  const master = bucket.text(`${folder}master.m3u8`)
  if (master === undefined) return 'there is no master playlist'
  const lists = [...named(master), ...[...master.matchAll(/URI="([^"]+)"/g)].map(([, uri]) => uri!)]
  if (lists.length === 0) return 'the master names nothing'
  const plans = new Set<string>()
  for (const list of new Set(lists)) {
    const text = bucket.text(folder + list)
    if (text === undefined) return `${list} is not there`
    if (!text.includes('#EXT-X-ENDLIST')) return `${list} has no end`
    const track = list.slice(0, list.indexOf('/') + 1)
    const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(text)?.[1]
    const uris = [...(init === undefined ? [] : [init]), ...named(text)]
    for (const [at, uri] of uris.entries()) {
      const body = bucket.text(`${folder}${track}${uri}`)
      if (body === undefined) return `${track}${uri} is not there`
      const piece = readPiece(body)
      const expected = at === 0 && init !== undefined ? 'init' : at - (init === undefined ? 0 : 1)
      if (piece.job !== jobId) return `${track}${uri} is of job ${piece.job}`
      if (`${piece.track}/` !== track) return `${track}${uri} is of track ${piece.track}`
      if (piece.part !== expected) return `${track}${uri} is piece ${piece.part}, ${expected} belongs there`
      plans.add(piece.plan)
    }
  }
  return plans.size <= 1 ? undefined : `it is of ${plans.size} plans`
}

function named(playlist: string): string[] {
  return playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}
