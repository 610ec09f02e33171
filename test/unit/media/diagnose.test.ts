import { describe, expect, test } from '@jest/globals'
import { diagnose, lastLines, stripUrls } from '../../../worker/media/diagnose.ts'

const url = 'http://127.0.0.1:40123/secret-path/source?token=abc'

describe('what ffmpeg says becomes a code', () => {
  test.each([
    [
      'probe',
      `[mov,mp4 @ 0x55] moov atom not found\n${url}: Invalid data found when processing input`,
      'container_damaged',
    ],
    ['probe', `${url}: Invalid data found when processing input`, 'container_unsupported'],
    [
      'probe',
      `[mp3 @ 0x1] Format not on whitelist 'mov,matroska'\n${url}: Invalid argument`,
      'container_unsupported',
    ],
    ['probe', `${url}: End of file`, 'container_damaged'],
    ['probe', `[http @ 0x1] HTTP error 416 Range Not Satisfiable\n${url}: End of file`, 'container_damaged'],
    ['probe', '[aac @ 0x1] Too many channels: 5899\n    Last message repeated 1 times', 'container_damaged'],
    [
      'probe',
      '[vorbis @ 0x1]  Vorbis setup header packet corrupt (codebooks).\n[vorbis @ 0x1] Setup header corrupt.',
      'container_damaged',
    ],
    [
      'audio',
      '[graph_0_in_0_1 @ 0x1] Changing audio frame properties on the fly is not supported.',
      'sound_changes',
    ],
    ['probe', "[hls @ 0x1] Protocol 'file' not on whitelist 'http,tcp'!", 'input_playlist'],
    ['probe', '[matroska @ 0x1] EBML header parsing failed', 'container_damaged'],
    ['video', '[out#0] Error writing trailer: No space left on device', 'scratch_full'],
    ['video', 'av_interleaved_write_frame(): File too large', 'resource_limit'],
    ['video', '[h264 @ 0x1] get_buffer() failed\nError while decoding stream', 'resource_limit'],
    ['video', 'x264 [error]: malloc of size 1234 failed', 'resource_limit'],
    ['video', 'Cannot determine format of input stream 0:0 after EOF', 'no_frames'],
    ['video', 'Decoder (codec vvc) not found for input stream #0:0', 'codec_unsupported'],
    ['video', '[IMGUTILS @ 0x7f] Picture size 12000x12000 is invalid', 'picture_too_large'],
  ] as const)('%s: %s', (what, stderr, code) => {
    expect(diagnose({ what, exitCode: 1, signal: undefined, stderr })).toMatchObject({ code })
  })

  test('bad data in the middle of an encode does not condemn the file', () => {
    const stderr =
      'Error while decoding stream #0:0: Invalid data found when processing input\nConversion failed!'
    expect(diagnose({ what: 'video', exitCode: 1, signal: undefined, stderr })).toMatchObject({
      code: 'encode_failed',
      kind: 'failed',
    })
  })

  test('a broken connection to our own server is not the fault of the file', () => {
    for (const words of [
      'Connection reset by peer',
      'Server returned 5XX Server Error reply',
      'Stream ends prematurely at 4096',
    ]) {
      const stderr = `[http @ 0x1] ${words}\n[mov @ 0x2] moov atom not found\n${url}: Invalid data found when processing input`
      expect(diagnose({ what: 'probe', exitCode: 1, signal: undefined, stderr }).code).toBe('probe_failed')
      expect(diagnose({ what: 'audio', exitCode: 1, signal: undefined, stderr }).code).toBe('encode_failed')
    }
  })

  test('limits of the kernel are limits', () => {
    expect(diagnose({ what: 'video', exitCode: undefined, signal: 'SIGXCPU', stderr: '' }).code).toBe(
      'resource_limit',
    )
  })

  test('a crash or a kill from outside is tried again', () => {
    for (const signal of ['SIGSEGV', 'SIGKILL']) {
      const error = diagnose({ what: 'video', exitCode: undefined, signal, stderr: '' })
      expect(error).toMatchObject({ code: 'encode_failed', kind: 'failed', details: { killed: true } })
      expect(error.message).toContain(signal)
    }
  })

  test.each(['unshare: fork failed: Cannot allocate memory', 'sh: 0: Cannot fork: Cannot allocate memory'])(
    'a machine without memory is not the file’s fault: %s',
    (stderr) => {
      const ended = { what: 'video', exitCode: 1, signal: undefined } as const
      expect(diagnose({ ...ended, stderr })).toMatchObject({ code: 'encode_failed', kind: 'failed' })
      const both = `${stderr}\n[h264 @ 0x5] get_buffer() failed`
      expect(diagnose({ ...ended, stderr: both })).toMatchObject({ code: 'resource_limit' })
    },
  )

  test('a wrapper that cannot start the program says so', () => {
    expect(
      diagnose({ what: 'probe', exitCode: 127, signal: undefined, stderr: 'nice: ffprobe: No such file' })
        .code,
    ).toBe('spawn_failed')
  })
})

describe('what is kept of stderr', () => {
  test('names no URL', () => {
    const error = diagnose({
      what: 'video',
      exitCode: 1,
      signal: undefined,
      stderr: `${url}: boom\nrtmps://u:p@h/x 'https://a/b?sig=1'`,
    })
    const kept = JSON.stringify([error.message, error.details])
    expect(kept).not.toMatch(/secret|token|127\.0\.0\.1|:\/\//)
    expect(kept).toContain('(url) boom')
  })

  test('is the end, without control characters', () => {
    const text = Array.from({ length: 500 }, (_, n) => `line ${n} \u001b[31m\u0000`).join('\n')
    const kept = lastLines(text)
    expect(kept.split('\n')).toHaveLength(12)
    expect(kept).toContain('line 499')
    expect(kept).not.toContain('\u001b')
    expect(lastLines('x'.repeat(10_000)).length).toBe(2000)
  })

  test('URLs of any scheme and in quotes are replaced', () => {
    expect(stripUrls("open 'http://h/p' and file:///etc/passwd")).toBe("open '(url)' and (url)")
  })
})
