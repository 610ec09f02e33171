import { decimal, text, whole } from './config-variable.ts'

/** The part of shared/config-schema.ts about the work on one video: scratch, ffmpeg, HLS, limits, uploads. */
export const workVariables = {
  scratch: {
    dir: text('VIDEO_WORKER_TEMP_DIR', 'Scratch folder', {
      default: '',
      shown: '`video-worker` in the temp folder',
    }),
    minFreeBytes: {
      ...whole('SCRATCH_MIN_FREE_MB', 2048, 0, 1e9, 'Free space without which no job starts, in MiB'),
      scale: 1024 * 1024,
    },
  },
  ffmpeg: {
    bin: text('FFMPEG_BIN', 'ffmpeg (also `FFMPEG_PATH`)', { default: 'ffmpeg' }),
    probeBin: text('FFPROBE_BIN', 'ffprobe (also `FFPROBE_PATH`)', { default: 'ffprobe' }),
    probeTimeoutSeconds: decimal(
      'FFPROBE_TIMEOUT_SECONDS',
      60,
      1,
      3600,
      'Limit of one probe; one that reads a whole file has a second more for each 8 MiB',
    ),
    memoryLimitMb: whole(
      'FFMPEG_MEMORY_LIMIT_MB',
      8192,
      0,
      1e6,
      'Address space of one ffmpeg, in MiB; 0 = no limit',
    ),
    threads: whole('FFMPEG_THREADS', 0, 0, 512, 'Threads of one encoder; 0 = ffmpeg decides'),
    cpuFactor: decimal(
      'FFMPEG_CPU_FACTOR',
      120,
      0,
      1e6,
      'CPU seconds that an encode may take per second of 1080p video; 0 = no limit',
    ),
    cpuWeight: whole(
      'FFMPEG_CPU_WEIGHT',
      0,
      0,
      10_000,
      'Share of the processors of all ffmpegs against the worker’s 100; 0 = no control group of their own (systemd, `Delegate=`)',
    ),
    sandbox: {
      doc: '`auto` holds ffmpeg as tightly as the system allows, `required` does not start with less than all, `off` sets limits only',
      format: ['auto', 'required', 'off'],
      default: 'auto',
      env: 'SANDBOX',
    },
    nice: whole('FFMPEG_NICE', 5, 0, 19, 'Niceness of ffmpeg, so that beats and uploads come first'),
  },
  hls: {
    segmentSeconds: decimal('HLS_TIME_SECONDS', 6, 1, 30, 'Length of a segment'),
    chunkSeconds: decimal(
      'CHUNK_SECONDS',
      120,
      1,
      86_400,
      'Length of a chunk: what a lost instance costs at most',
    ),
    profilesFile: text(
      'PROFILES_FILE',
      'JSON file with encoding profiles; empty = the built-in ones (`default`, `academy`)',
      {
        default: '',
      },
    ),
    fanout: {
      doc: '`auto` shares a long video over the fleet, `always` every video, `never` none',
      format: ['auto', 'always', 'never'],
      default: 'auto',
      env: 'FANOUT',
    },
    fanoutMinChunks: whole(
      'FANOUT_MIN_CHUNKS',
      4,
      1,
      100_000,
      'With `auto`, a video of more chunks than this is shared',
    ),
    fanoutLostSeconds: decimal(
      'FANOUT_LOST_SECONDS',
      3600,
      1,
      43_200,
      'A part of a shared video that nobody received for so long is sent again',
    ),
    passthrough: {
      doc: '`auto` copies the pictures of a source that conforms into the top rendition, `never` encodes all',
      format: ['auto', 'never'],
      default: 'auto',
      env: 'PASSTHROUGH',
    },
    segmentStorage: {
      doc: '`files`: an object a segment; `byterange`: one a chunk and rendition, segments are ranges of it',
      format: ['files', 'byterange'],
      default: 'files',
      env: 'SEGMENT_STORAGE',
    },
    keepVersions: whole('KEEP_VERSIONS', 1, 0, 1000, 'Older versions of a video that stay in the bucket'),
  },
  limits: {
    maxBytes: whole(
      'MAX_SOURCE_BYTES',
      200e9,
      0,
      Number.MAX_SAFE_INTEGER,
      'Largest source accepted; 0 = no limit',
    ),
    maxSeconds: whole('MAX_DURATION_SECONDS', 43_200, 0, 1e9, 'Longest source accepted; 0 = no limit'),
    maxPixels: whole(
      'MAX_PIXELS',
      8192 * 8192,
      0,
      1e10,
      'Largest picture accepted, width x height; 0 = no limit',
    ),
  },
  stall: {
    encodeSeconds: decimal(
      'ENCODE_STALL_SECONDS',
      120,
      0.1,
      43_200,
      'ffmpeg without progress for this long is killed',
    ),
    stageSeconds: decimal(
      'STAGE_DEADLINE_SECONDS',
      600,
      0.1,
      43_200,
      'Limit of each other stage: probe, thumbnails, verify, publish, report',
    ),
  },
  upload: { maxConcurrency: whole('UPLOAD_MAX_CONCURRENCY', 8, 1, 256, 'Uploads at a time of one job') },
}
