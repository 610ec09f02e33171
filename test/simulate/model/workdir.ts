/** Stands in for worker/job/workdir.ts: a disk with room. */
import type * as Real from '../../../worker/job/workdir.ts'

export const freeBytes: typeof Real.freeBytes = async () => 2 ** 40

export function openScratch(): Real.Scratch {
  return {
    dir: 'scratch',
    jobDir: async (name) => ({ dir: `scratch/${name}`, arrived() {}, async remove() {} }),
    async remove() {},
  }
}
