/** Stands in for shared/scratch.ts: a disk with room. */
import type * as Real from '../../../shared/scratch.ts'

export const freeBytes: typeof Real.freeBytes = async () => 2 ** 40
