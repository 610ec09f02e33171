/** Every metric of the worker, once: shared/metrics.ts makes them from it, docs/metrics.md shows it. */
interface MetricRow {
  /** without the prefix; also the name of the member of Metrics */
  name: string
  type: 'counter' | 'gauge' | 'histogram'
  unit: string
  help: string
  labels: readonly string[]
  buckets?: readonly number[]
}

export const metricPrefix = 'video_worker_'

/** From a clip to the 12 hours that a lease can last. */
const jobBuckets = [5, 15, 30, 60, 120, 300, 600, 1200, 2400, 3600, 7200, 14_400, 28_800, 43_200] as const
const stageBuckets = [0.1, 0.5, 1, 2.5, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 14_400] as const
/** Below 1 the encoder is slower than the video plays. */
const speedBuckets = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8, 12, 20] as const

export const metricTable = [
  {
    name: 'jobs_total',
    type: 'counter',
    unit: 'jobs',
    labels: ['kind', 'outcome'],
    help: 'Jobs that left this worker, by kind (transcode, delete, catalogue) and outcome as in the outcome table',
  },
  {
    name: 'job_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: ['kind', 'outcome'],
    buckets: jobBuckets,
    help: 'Time from receiving a message to having settled it',
  },
  {
    name: 'stage_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: ['stage'],
    buckets: stageBuckets,
    help: 'Time of one stage of a job; stages overlap',
  },
  {
    name: 'encode_speed',
    type: 'histogram',
    unit: 'seconds of video per second',
    labels: [],
    buckets: speedBuckets,
    help: 'Speed of one encode against the playing time of its video',
  },
  {
    name: 'bytes_downloaded_total',
    type: 'counter',
    unit: 'bytes',
    labels: [],
    help: 'Bytes of sources fetched from the bucket',
  },
  {
    name: 'bytes_uploaded_total',
    type: 'counter',
    unit: 'bytes',
    labels: [],
    help: 'Bytes of results stored in the bucket',
  },
  {
    name: 'segments_uploaded_total',
    type: 'counter',
    unit: 'objects',
    labels: [],
    help: 'Media segments handed to the uploader',
  },
  {
    name: 'upload_retries_total',
    type: 'counter',
    unit: 'tries',
    labels: [],
    help: 'Uploads that had to be tried again',
  },
  {
    name: 'source_retries_total',
    type: 'counter',
    unit: 'tries',
    labels: [],
    help: 'Ranged reads of sources that had to be tried again',
  },
  {
    name: 'lease_beats_total',
    type: 'counter',
    unit: 'beats',
    labels: ['result'],
    help: 'Beats of message leases, by result (ok, error, lost, held back for want of progress)',
  },
  {
    name: 'lease_slack_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'Least time left on a lease over all busy slots; absent when none is busy',
  },
  {
    name: 'slots',
    type: 'gauge',
    unit: 'slots',
    labels: ['state'],
    help: 'Slots by state (idle, busy)',
  },
  {
    name: 'polls_total',
    type: 'counter',
    unit: 'polls',
    labels: ['result'],
    help: 'Long polls of the queue, by result (message, empty, error): errors are not emptiness',
  },
  {
    name: 'poison_total',
    type: 'counter',
    unit: 'messages',
    labels: [],
    help: 'Messages that are no job, parked in the dead-letter queue',
  },
  {
    name: 'api_calls_total',
    type: 'counter',
    unit: 'calls',
    labels: ['call', 'result'],
    help: 'Calls to the API, by call (complete, fail, heartbeat, ...) and result',
  },
  {
    name: 'ffmpeg_runs_total',
    type: 'counter',
    unit: 'runs',
    labels: ['what', 'result'],
    help: 'Runs of ffmpeg and ffprobe, by what for (probe, video, audio, text, poster) and result (ok, or an error code)',
  },
  {
    name: 'notices_total',
    type: 'counter',
    unit: 'notices',
    labels: ['source'],
    help: 'Notices to leave, once of each source (signal, spot, lifecycle, operator)',
  },
  {
    name: 'drain_left_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'Time left by the nearest notice to leave; absent while there is none',
  },
  {
    name: 'scale_in_protected',
    type: 'gauge',
    unit: '1 or 0',
    labels: [],
    help: 'Whether the instance is protected from scale-in; absent outside of an Auto Scaling group',
  },
  {
    name: 'protection_calls_total',
    type: 'counter',
    unit: 'calls',
    labels: ['result'],
    help: 'Changes of the scale-in protection, by result (protected, unprotected, refused, error)',
  },
  {
    name: 'metadata_calls_total',
    type: 'counter',
    unit: 'calls',
    labels: ['result'],
    help: 'Looks at the instance metadata, by result (found, absent, error, renewed: the token was refused)',
  },
] as const satisfies readonly MetricRow[]

export type MetricName = (typeof metricTable)[number]['name']
