import type { ProfileRung } from './profile-checks.ts'

export interface Box {
  /** `v1` for the smallest. */
  readonly name: string
  readonly width: number
  readonly height: number
  readonly rung: ProfileRung
}

/**
 * What the Python fleet made of every source: a picture for each 16:9 box of the profile's heights, its shape kept, not
 * enlarged. All boxes are filled, since players of that time ask for `v2/` by name: a small source is there twice.
 */
export function fillBoxes(source: { width: number; height: number }, rungs: readonly ProfileRung[]): Box[] {
  return rungs.map((rung, index) => {
    const boxWidth = (rung.shortSide * 16) / 9
    const scale = Math.min(1, boxWidth / source.width, rung.shortSide / source.height)
    return {
      ...{ name: `v${rungs.length - index}`, rung },
      ...{ width: even(source.width, scale), height: even(source.height, scale) },
    }
  })
}

/** The even size nearest to a side's share, and never more than the source has. */
function even(side: number, scale: number): number {
  return Math.max(2, Math.min(Math.round((side * scale) / 2) * 2, Math.floor(side / 2) * 2))
}
