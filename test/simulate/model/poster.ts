/** Stands in for worker/media/poster.ts: a picture takes a second. */
import { sleep } from '../../../shared/time.ts'
import type * as Real from '../../../worker/media/poster.ts'

export const makePoster: typeof Real.makePoster = async ({ path, signal }) => {
  await sleep(1_000, { signal })
  return { path, atSeconds: 0, lively: true }
}

export const posterSize: typeof Real.posterSize = ({ displayWidth, displayHeight }) => ({
  width: displayWidth,
  height: displayHeight,
})
