import { asWorkerError, type ErrorCode, WorkerError } from '../../shared/errors.ts'
import type { ToolPurpose } from './run.ts'

/** How a tool ended when it did not end well. */
export interface ToolEnd {
  readonly what: ToolPurpose
  readonly exitCode: number | undefined
  readonly signal: string | undefined
  readonly stderr: string
}

interface Cause {
  /** Said while probing only: later the same words come from a decoder that met one bad packet. */
  readonly probing?: true
  readonly pattern: RegExp
  readonly code: ErrorCode
  readonly sentence: string
}

/**
 * What ffmpeg says when memory runs out: as an error, or (in decoders) on the way to exit code 0 or to a hang. Said by
 * what it is wrapped in, it is the machine's memory, and no fault of the file.
 */
export const outOfMemory =
  /^(?!(?:unshare|nsenter|setpriv|prlimit|nice|mount|sh): ).*(?:Cannot allocate memory|get_buffer\(\) failed|out of memory|malloc of size)/im

/**
 * What ffmpeg's own words mean, the most telling first: the first pattern that fits decides. Words of the
 * machine (memory, disk, a broken connection to our own source server) stand before those of the file, since a
 * decoder complains about the file as well when its input breaks off.
 */
const causes: readonly Cause[] = [
  {
    pattern: /No space left on device/i,
    code: 'scratch_full',
    sentence: 'the scratch disk is full',
  },
  {
    pattern: outOfMemory,
    code: 'resource_limit',
    sentence: 'decoding the file needs more memory than allowed',
  },
  {
    pattern: /File too large|SIGXFSZ/i,
    code: 'resource_limit',
    sentence: 'the output grew larger than allowed',
  },
  {
    pattern: /Protocol '[^']*' not on whitelist|not in allowed_extensions|Not allowed to load/i,
    code: 'input_playlist',
    sentence: 'the file points to other files',
  },
  {
    pattern: /Picture size \d+x\d+ is invalid|exceeds specified max pixel count|Dimensions .* out of range/i,
    code: 'picture_too_large',
    sentence: 'the picture is larger than allowed',
  },
  {
    pattern: /encrypted|\bcenc\b|decryption key/i,
    code: 'input_encrypted',
    sentence: 'the file is protected',
  },
  {
    probing: true,
    // End of file: it ends before anything in it has begun. Channels: a header of noise says thousands of them.
    // A decoder's own header: ffprobe ends when one of them cannot be opened.
    pattern:
      /moov atom not found|partial file|EBML header parsing failed|truncated|: End of file$|Too many channels|header corrupt/im,
    code: 'container_damaged',
    sentence: 'the file is damaged or was not uploaded completely',
  },
  {
    pattern: /Decoder \(codec [^)]*\) not found|Unknown decoder|Decoding requested, but no decoder/i,
    code: 'codec_unsupported',
    sentence: 'there is no decoder for the video',
  },
  {
    pattern: /does not contain any stream|matches no streams/i,
    code: 'no_video',
    sentence: 'the file has no picture track',
  },
  {
    pattern: /Changing audio frame properties on the fly/i,
    code: 'sound_changes',
    sentence: 'the sound changes its rate or channels on the way',
  },
  {
    pattern:
      /Cannot determine format of input stream|Output file .*is empty|Nothing was written into output/i,
    code: 'no_frames',
    sentence: 'no picture could be decoded',
  },
  {
    probing: true,
    pattern: /Invalid data found when processing input|Format not on whitelist|error reading header/i,
    code: 'container_unsupported',
    sentence: 'the file is not a video in a format that can be read',
  },
]

/**
 * Words that say our own source server failed: the file is not to blame (source.ts knows the reason). A range that
 * does not exist (416, which ffmpeg tells as 4XX) is asked for when a damaged file points beyond its own end.
 */
const sourceBroke =
  /Connection (refused|reset|timed out)|Broken pipe|Server returned (5|4\d\d)|HTTP error (?!416)|Stream ends prematurely|Operation timed out/i

/**
 * Turns the end of a failed ffmpeg or ffprobe into one WorkerError. Rejected codes only where the words name the
 * file; everything else is encode_failed or probe_failed and is tried again.
 */
export function diagnose(end: ToolEnd): WorkerError {
  const tail = lastLines(stripUrls(end.stderr))
  const details = { what: end.what, exitCode: end.exitCode, signal: end.signal, stderr: tail }
  const own: ErrorCode = end.what === 'probe' ? 'probe_failed' : 'encode_failed'

  if (end.signal === 'SIGXCPU' || end.signal === 'SIGXFSZ') {
    return new WorkerError('resource_limit', `the ${end.what} run used more than it may (${end.signal})`, {
      details,
    })
  }
  if (end.signal !== undefined) {
    return new WorkerError(own, `the ${end.what} run was ended by ${end.signal}`, {
      details: { ...details, killed: true },
    })
  }
  // What unshare of util-linux 2.38 says when its child was ended by a signal: it meant to pass that on.
  if (/^unshare: sigprocmask/m.test(end.stderr)) {
    return new WorkerError(own, `the ${end.what} run was ended by a signal`, {
      details: { ...details, killed: true },
    })
  }
  // 126 and 127 are what the wrappers (setpriv, prlimit, nice) answer when the program itself cannot be run.
  if (end.exitCode === 126 || end.exitCode === 127) {
    return new WorkerError('spawn_failed', `the program for the ${end.what} run could not be started`, {
      details,
    })
  }
  if (sourceBroke.test(end.stderr)) {
    return new WorkerError(own, `the ${end.what} run could not read the source to its end`, { details })
  }
  const cause = causes.find(
    ({ pattern, probing }) => pattern.test(end.stderr) && (!probing || end.what === 'probe'),
  )
  if (cause) return new WorkerError(cause.code, cause.sentence, { details })
  return new WorkerError(own, `the ${end.what} run ended with exit code ${end.exitCode}`, { details })
}

/** Whether a run was ended from outside, as the kernel does when memory is short: nothing is known of what it worked on. */
export function wasKilled(error: unknown): boolean {
  const { killed, signal } = asWorkerError(error).details
  // Without a name where a wrapper only says that there was one. Other signals are the tool's own doing.
  return killed === true && (signal === undefined || signal === 'SIGKILL')
}

/** stderr names the source by its URL, and sometimes other URLs out of the file: none may reach a log or a callback. */
export function stripUrls(text: string): string {
  return text.replace(/\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s'"]*/gi, '(url)')
}

/** The last few lines, without terminal control characters. */
export function lastLines(text: string, lines = 12, characters = 2000): string {
  const clean = text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: file names and tags in stderr may hold any byte
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-lines)
    .join('\n')
  return clean.slice(-characters)
}
