import type { AudioFacts, SourceFacts } from './facts.ts'
import type { Profile } from './profile.ts'

/** One audio rendition of the output. */
export interface Sound {
  readonly track: AudioFacts
  /** Place of the track among those of the source. */
  readonly position: number
  readonly channels: 2 | 6
}

/** Bits for 5.1 in kbit/s (Apple 2.9). */
const surroundKbps = 320

/**
 * Every audio rendition of a job, in the order of their folders: each track in stereo, then those with 5.1 or more
 * once more in 5.1, where the profile keeps it. Depends on the plan alone: a part is known by its place in this list.
 */
export function planSounds(
  facts: Pick<SourceFacts, 'audio'>,
  { surround }: Pick<Profile, 'surround'>,
): Sound[] {
  const tracks = facts.audio.map((track, position) => ({ track, position }))
  const wide = surround === 'keep' ? tracks.filter(({ track }) => track.channels >= 6) : []
  return [
    ...tracks.map((each): Sound => ({ ...each, channels: 2 })),
    ...wide.map((each): Sound => ({ ...each, channels: 6 })),
  ]
}

export function soundKbps({ channels }: Sound, { audioKbps }: Pick<Profile, 'audioKbps'>): number {
  return channels === 6 ? Math.max(surroundKbps, audioKbps) : audioKbps
}
