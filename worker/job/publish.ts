import { WorkerError } from '../../shared/errors.ts'
import { masterKey } from '../../shared/keys.ts'
import {
  type AudioManifest,
  audioFolder,
  type ChunkManifest,
  type Plan,
  stored,
  type TrackPart,
} from '../chunk/ledger.ts'
import {
  type AudioRendition,
  iframePlaylist,
  masterPlaylist,
  mediaPlaylist,
  type PlaylistSegment,
  targetDuration,
  type VideoVariant,
} from '../media/playlist.ts'
import { framesToSeconds } from '../media/timeline.ts'

/** A finished video as its manifests tell it. */
export interface Assembled {
  readonly variants: readonly VideoVariant[]
  readonly audio: readonly AudioRendition[]
  /** Length in seconds: of the video's renditions, which are all equally long. */
  readonly seconds: number
  /** Of all segments, in bytes. */
  readonly bytes: number
}

/** One text object to publish, key relative to the job's folder. */
export interface TextObject {
  readonly name: string
  readonly text: string
}

/** Joins the chunks' manifests to whole renditions, and judges the joins. Pure. Throws output_invalid. */
export function assemble(
  plan: Plan,
  chunks: readonly ChunkManifest[],
  audio: readonly AudioManifest[],
): Assembled {
  const variants = plan.ladder.map((rendition): VideoVariant => {
    const parts = chunks.map((chunk) => chunk.tracks[rendition.name]).filter((part) => part !== undefined)
    const first = parts[0]
    if (!first) throw new WorkerError('no_frames', 'no picture could be decoded')
    if (parts.some((part) => part.init.md5 !== first.init.md5))
      throw new WorkerError('output_invalid', `the init segments of ${rendition.name} differ between chunks`)
    const segments = parts.flatMap((part) => part.segments)
    checkRun(rendition.name, segments, framesToSeconds(plan.grid.segmentFrames, plan.grid.rate))
    return {
      ...{
        name: rendition.name,
        uri: `${rendition.name}/index.m3u8`,
        iframesUri: `${rendition.name}/iframes.m3u8`,
      },
      ...{
        codec: first.init.codec,
        width: rendition.width,
        height: rendition.height,
        rate: rendition.rate,
        segments,
      },
    }
  })
  const lengths = variants.map((variant) => total(variant.segments))
  const frame = framesToSeconds(1, plan.grid.rate)
  if (Math.max(...lengths) - Math.min(...lengths) > frame * 1.5)
    throw new WorkerError(
      'output_invalid',
      `the renditions last ${lengths.map((s) => s.toFixed(3)).join(', ')} s`,
    )
  const renditions = audio.map((manifest, position) => audioRendition(plan, manifest, position))
  const bytes = [...variants, ...renditions]
    .flatMap((list) => list.segments)
    .reduce((sum, segment) => sum + segment.bytes, 0)
  return { variants, audio: renditions, seconds: Math.max(...lengths), bytes }
}

function audioRendition(plan: Plan, manifest: AudioManifest, position: number): AudioRendition {
  const facts = plan.facts.audio[position]
  const { init, segments } = manifest.track
  return {
    ...{
      uri: `${audioFolder(manifest.index)}/index.m3u8`,
      codec: init.codec,
      channels: init.channels,
      segments,
    },
    language: facts?.language ?? 'und',
    name: trackName(plan, position),
    isDefault: position === 0,
  }
}

/** NAME has to be unique in the group (RFC 8216 4.3.4.1); titles in files are not. */
function trackName(plan: Plan, position: number): string {
  const nameAt = (index: number) => {
    const facts = plan.facts.audio[index]
    return facts?.title || facts?.language || 'und'
  }
  const name = nameAt(position)
  const taken = plan.facts.audio.slice(0, position).some((_, index) => nameAt(index) === name)
  return taken ? `${name} ${position + 1}` : name
}

/** Numbers run on from 0, and only the last segment may be short: nothing is missing, nothing twice. */
function checkRun(name: string, segments: readonly PlaylistSegment[], full: number): void {
  segments.forEach((segment, index) => {
    const number = Number(/(\d+)/.exec(segment.uri)?.[1])
    if (number !== index)
      throw new WorkerError('output_invalid', `${name}: segment ${index} is missing (found ${segment.uri})`)
    if (index < segments.length - 1 && Math.abs(segment.seconds - full) > 0.001)
      throw new WorkerError(
        'output_invalid',
        `${name}: segment ${index} lasts ${segment.seconds} s, the grid says ${full}`,
      )
  })
}

function total(segments: readonly PlaylistSegment[]): number {
  return segments.reduce((sum, segment) => sum + segment.seconds, 0)
}

/** Every segment that the playlists will name is in the bucket, in its right size. Throws output_invalid. */
export function checkPresent(
  chunks: readonly ChunkManifest[],
  audio: readonly AudioManifest[],
  present: ReadonlyMap<string, number>,
): void {
  const parts: [string, TrackPart][] = [
    ...chunks.flatMap((chunk) => Object.entries(chunk.tracks)),
    ...audio.map((manifest): [string, TrackPart] => [audioFolder(manifest.index), manifest.track]),
  ]
  for (const [folder, part] of parts) {
    if (!stored(folder, part, present))
      throw new WorkerError('output_invalid', `not all of ${folder} is in the bucket`)
  }
}

/** The playlists in the order in which they must appear: a viewer who sees one finds all it names. The master is last. */
export function playlists(video: Assembled): TextObject[] {
  const target = targetDuration(
    ...video.variants.map((v) => v.segments),
    ...video.audio.map((a) => a.segments),
  )
  const media = [...video.variants, ...video.audio].map(({ uri, segments }) => ({
    name: uri,
    text: mediaPlaylist(segments, { target, initUri: 'init.mp4' }),
  }))
  const iframes = video.variants.map(({ name, segments }) => ({
    name: `${name}/iframes.m3u8`,
    text: iframePlaylist(segments, { target, initUri: 'init.mp4' }),
  }))
  const master = masterPlaylist({ variants: video.variants, audio: video.audio, target })
  return [...media, ...iframes, { name: masterKey(''), text: master }]
}
