/** Names of objects in the bucket and of keys in Redis: contract.md sections 2, 3 and 5. Pure. */

// --- bucket. All keys are without R2_PREFIX: shared/storage.ts adds and strips it. ---

/** Everything that belongs to one video, older versions included: what a delete job removes. */
export function jobRoot(tenantId: number, videoId: number): string {
  return `tenants/${tenantId}/video/hls/${videoId}/`
}

/** The root of a catalogue video's output. */
export function catalogueRoot(contentId: string): string {
  return `hls/${contentId}/`
}

/** Where a catalogue video's poster goes. Overwritten by a later upload of the same content. */
export function catalogueThumbnailKey(contentId: string, slug: string): string {
  return `thumbnails/${contentId}_${slug}.jpg`
}

/** One job's own folder: nobody else writes there, so an older version is never disturbed. */
export function jobFolder(root: string, jobId: string): string {
  return `${root}${jobId}/`
}

/** The folder of the ledger, removed once the job is published. */
export function workFolder(folder: string): string {
  return `${folder}.work/`
}

/** The ladder, grid and cut points of a job, written once. */
export function planKey(folder: string): string {
  return `${workFolder(folder)}plan.json`
}

/** Says that the source's pictures cannot be copied, which the plan had in mind. */
export function refusalKey(folder: string): string {
  return `${workFolder(folder)}refused.json`
}

/** Says why all that was made was thrown away once. */
export function startedOverKey(folder: string): string {
  return `${workFolder(folder)}started-over.json`
}

/** Says that an audio track is done; written after its last segment. series: of the plan, in front of all its names. */
export function audioManifestKey(folder: string, index: number, series = ''): string {
  return `${workFolder(folder)}${series}audio-${index}.json`
}

/** Says that the subtitles are done, all of them. */
export function textManifestKey(folder: string, series = ''): string {
  return `${workFolder(folder)}${series}text.json`
}

/** Folder of a rendition of subtitles, relative to the job's folder. */
export function textFolder(index: number): string {
  return `text-${index}`
}

/** The poster of a job that is shared over the fleet, until its join. */
export function posterKey(folder: string): string {
  return `${workFolder(folder)}poster.jpg`
}

/** Says that a chunk is done; written after its last segment. */
export function chunkKey(folder: string, index: number, series = ''): string {
  return `${workFolder(folder)}${series}chunk-${String(index).padStart(5, '0')}.json`
}

export function masterKey(folder: string): string {
  return `${folder}master.m3u8`
}

const contentTypes: Readonly<Record<string, string>> = {
  m3u8: 'application/vnd.apple.mpegurl',
  ts: 'video/mp2t',
  m4s: 'video/mp4',
  mp4: 'video/mp4',
  m4a: 'audio/mp4',
  jpg: 'image/jpeg',
  webp: 'image/webp',
  vtt: 'text/vtt',
  json: 'application/json',
}

/** The content type of an output key or file name; fMP4 in a folder named `audio…` is `audio/mp4`. */
export function contentTypeOf(key: string): string {
  const type = contentTypes[extensionOf(key)] ?? 'application/octet-stream'
  return type === 'video/mp4' && /(^|\/)audio[^/]*\/[^/]+$/.test(key) ? 'audio/mp4' : type
}

const inJobFolder = /^(tenants\/\d+\/video\/hls\/\d+|hls\/[^/]+)\/[^/]+\/(?!\.work\/)/

/**
 * The Cache-Control of an output key. Only what a job wrote under its own folder may be kept for ever: nothing is
 * ever written there twice. Playlists, the ledger and everything that is overwritten in place is asked for anew.
 */
export function cacheControlOf(key: string): string {
  const lasting = inJobFolder.test(key) && extensionOf(key) !== 'm3u8'
  return lasting ? 'public, max-age=31536000, immutable' : 'no-cache'
}

function extensionOf(key: string): string {
  return /\.([^./]+)$/.exec(key)?.[1]?.toLowerCase() ?? ''
}

// --- Redis: the product's own names ---

export function progressKey(tenantId: number, videoId: number): string {
  return `tenant:${tenantId}:video:${videoId}:progress`
}

export function statusKey(tenantId: number, videoId: number): string {
  return `tenant:${tenantId}:video:${videoId}:status`
}

export function heartbeatKey(tenantId: number, videoId: number): string {
  return `tenant:${tenantId}:video:${videoId}:heartbeat`
}

export function cancelKey(tenantId: number, videoId: number): string {
  return `tenant:${tenantId}:video:${videoId}:cancel_requested`
}

export function backlogKey(tenantId: number): string {
  return `tenant:${tenantId}:video:backlog_count`
}

/** Set by a worker that was told to go: the product stops handing out work for its TTL. */
export const interruptKey = 'video:asg:interrupt'

// --- Redis: ours, all under one prefix ---

export function jobRecordKey(jobId: string): string {
  return `video-worker:job:${jobId}`
}

export function workerKey(workerId: string): string {
  return `video-worker:worker:${workerId}`
}

/** The records of a job's parts that were sent: its end takes those out of the backlog that nobody began. */
export function sentPartsKey(jobId: string): string {
  return `video-worker:sent:${jobId}`
}

/** What the parts of a fanned-out job have done so far, a field each: for the one progress bar. */
export function partsKey(jobId: string): string {
  return `video-worker:parts:${jobId}`
}

/** Written to see whether Redis takes a write: a replica answers reads all the same. */
export const pingKey = 'video-worker:ping'

/** An operator's request that a worker drains and ends: its value is made and read by shared/drain-request.ts. */
export function drainRequest(workerId: string): string {
  return `video-worker:drain:${workerId}`
}

/** The same for every worker of the fleet. */
export const drainAllRequest = 'video-worker:drain:all'

/** Every job's record, and every tenant's counter: patterns for a scan. */
export const everyJobRecord = jobRecordKey('*')
export const everyBacklog = 'tenant:*:video:backlog_count'

/** What the reconciler remembers from one run to the next: shared/reconcile. */
export function reconcileKey(name: 'lock' | 'looks' | 'drift' | 'folders'): string {
  return `video-worker:reconcile:${name}`
}

/** Says that the reconciler has sent this job's message again. */
export function sentAgainKey(jobId: string): string {
  return `video-worker:reconcile:sent:${jobId}`
}

const insideJobFolder =
  /^(tenants\/(\d+)\/video\/hls\/(\d+)\/|hls\/[^/]+\/)([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\//

/** A job's folder with its parts, from any key under it; undefined for every other key. */
export function jobFolderOf(
  key: string,
): { folder: string; root: string; jobId: string; tenantId?: number; videoId?: number } | undefined {
  const found = insideJobFolder.exec(key)
  if (!found) return undefined
  const [folder, root = '', tenant, video, jobId = ''] = found
  const owner = tenant === undefined ? {} : { tenantId: Number(tenant), videoId: Number(video) }
  return { folder, root, jobId, ...owner }
}
