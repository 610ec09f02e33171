/** Stands in for worker/media/probe.ts: the invented source says what it is. */
import { WorkerError } from '../../../shared/errors.ts'
import { sleep } from '../../../shared/time.ts'
import type * as Real from '../../../worker/media/probe.ts'
import { factsOf } from '../../unit/media/facts.ts'
import { readFilm } from '../film.ts'
import { here } from '../machine.ts'

export const probeSource: typeof Real.probeSource = async ({ head, signal }) => {
  const { world } = here()
  const film = readFilm(head)
  await sleep(world.between(200, 3_000), { signal })
  if (film.broken) throw new WorkerError('container_damaged', 'the invented file is damaged')
  return factsOf({ displayWidth: 160, displayHeight: 90, codedWidth: 160, codedHeight: 90 }, film)
}
