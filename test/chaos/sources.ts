import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeBadClip, makeClip, makeLongClip } from '../fleet/clips.ts'
import type { SourceKind } from './schedule.ts'

/** Files of each kind, made once for a run. Chunks of a run are four seconds long: chaosEnv. */
export async function makeSources(dir: string): Promise<Readonly<Record<SourceKind, readonly string[]>>> {
  const small = '160x90'
  const text = async (name: string, content: string) => {
    const path = join(dir, name)
    await writeFile(path, content)
    return path
  }
  return {
    short: [
      await makeLongClip(dir, 2, small),
      await makeLongClip(dir, 3, small),
      await makeLongClip(dir, 4, small),
      await makeClip(dir, 'tiny.avi'),
    ],
    walked: [await makeLongClip(dir, 8, small), await makeLongClip(dir, 12, small)],
    shared: [await makeLongClip(dir, 20, small)],
    hostile: [
      await text('playlist.mp4', '#EXTM3U\n#EXTINF:4,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n'),
      await text('concat.mp4', "ffconcat version 1.0\nfile '../other-tenant.mp4'\n"),
      await text(
        'session.mp4',
        'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n',
      ),
    ],
    unreadable: [
      await text('empty.mp4', ''),
      await text('text.mp4', 'This is not a video. '.repeat(100)),
      await makeBadClip(dir, 'no-index.mp4'),
      await makeBadClip(dir, 'subtitles.mkv'),
    ],
    missing: [],
  }
}
