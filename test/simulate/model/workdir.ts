/** Stands in for worker/job/workdir.ts. */
import type * as Real from '../../../worker/job/workdir.ts'

export function openScratch(): Real.Scratch {
  return {
    dir: 'scratch',
    jobDir: async (name) => ({ dir: `scratch/${name}`, arrived() {}, async remove() {} }),
    async remove() {},
  }
}
