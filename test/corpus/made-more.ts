/** More awkward files: as cameras, recorders and broadcasts write them, and as transport leaves them. */
import {
  aac,
  both,
  closed,
  hear,
  type MadeFile,
  more,
  mp2,
  mpeg2,
  one,
  see,
  spliced,
  woven,
  x264,
} from './made-kinds.ts'

const fragments = '-movflags frag_keyframe+empty_moov+default_base_moof+skip_trailer'
/** Of a packet of MPEG-TS (13818-1 2.4.3). */
const packetBytes = 188
/** Three seconds have one flash. */
const short = { seconds: 3, pairs: 1 }

export const moreFiles: readonly MadeFile[] = [
  // Broadcasts.
  spliced(
    'new-pids.ts',
    `${both(4)} ${closed} ${aac} -tables_version 1 -mpegts_start_pid 512 -output_ts_offset 4.08`,
  ),
  spliced('new-pids-clock-anew.ts', `${both(2)} ${closed} ${aac} -mpegts_start_pid 512`, {
    seconds: 6,
    pairs: 3,
  }),
  more(
    'sound-from-4s.ts',
    [
      `${see(4)} ${closed} part-silent.ts`,
      `${both(4)} ${closed} ${aac} -tables_version 1 -output_ts_offset 4.08 part-heard.ts`,
    ],
    { splice: ['part-silent.ts', 'part-heard.ts'], pairs: 2 },
  ),
  one(
    'two-programs.ts',
    `${see(6, '25', '160x90')} ${hear(6)} ${see(6)} ${hear(6)} -map 0 -map 1 -map 2 -map 3 ${closed} ${aac} ` +
      '-program title=a:st=0:st=1 -program title=b:st=2:st=3',
    { seconds: 6, pairs: 3 },
  ),
  one('packets-lost.ts', `${both(6)} ${closed} ${aac}`, {
    ...{ seconds: 6, pairs: 3 },
    patch: (bytes) => eachPacket(bytes, (packet, n) => (n % 500 === 300 ? Buffer.alloc(0) : packet)),
  }),
  one('no-pcr.ts', `${both(6)} ${closed} ${aac}`, {
    ...{ seconds: 6, pairs: 3, alike: 28 },
    patch: (bytes) => eachPacket(bytes, withoutClock),
  }),
  one('latm.ts', `${both(6)} ${closed} ${aac} -mpegts_flags latm`, { seconds: 6, pairs: 3, alike: 28 }),
  one('camera.m2ts', `${both(6)} ${closed} -c:a pcm_bluray -ac 2 -mpegts_m2ts_mode 1 -f mpegts`, {
    ...{ seconds: 6, pairs: 3, alike: 28 },
  }),
  one('whole-as-mbaff.ts', `${both(3, '25', '720x576')} ${x264} -x264-params fake-interlaced=1 ${aac}`, {
    ...{ ...short, size: '720x576', alike: 28 },
  }),
  one(
    'film-telecined.mpg',
    `${both(6, '24000/1001', '720x480')} -vf telecine=pattern=23 ${mpeg2} -flags +ildct+ilme -top 1 ${mp2} -f vob`,
    { seconds: 6, pairs: 3, size: '720x480', frames: 180 },
  ),
  // Boxes.
  one('mirrored.mp4', `${both(6)} ${closed} ${aac}`, {
    ...{ seconds: 6, pairs: 3, alike: 28 },
    patch: (bytes) => withMatrix(bytes, 'tkhd', 40, [-1, 0, 0, 1]),
  }),
  one('turned-and-mirrored.mp4', `${both(6)} ${closed} ${aac}`, {
    ...{ seconds: 6, pairs: 3, alike: 28, size: '180x320' },
    patch: (bytes) => withMatrix(bytes, 'tkhd', 40, [0, 1, 1, 0]),
  }),
  one('turned-by-movie.mp4', `${both(6)} ${closed} ${aac}`, {
    ...{ seconds: 6, pairs: 3, alike: 28, size: '180x320' },
    patch: (bytes) => withMatrix(bytes, 'mvhd', 36, [0, 1, -1, 0]),
  }),
  one('fragment-missing.mp4', `${both(10)} ${closed} ${aac} ${fragments}`, {
    ...{ seconds: 10, pairs: 4, alike: 28, variableRate: true },
    patch: withoutThirdFragment,
  }),
  one(
    'fragments-late-clock.mp4',
    `${both(6)} ${closed} -bf 0 ${aac} ${fragments} -use_editlist 0 -output_ts_offset 100000 -avoid_negative_ts disabled`,
    { seconds: 6, pairs: 3, alike: 28 },
  ),
  one('he-aac.mp4', `${see(6)} ${hear(6, 24_000)} ${closed} ${aac}`, {
    ...{ seconds: 6, pairs: 3, alike: 28 },
    patch: asHeAac,
  }),
  // Kinds of pictures and sound.
  one(
    'grain.mp4',
    `${both(3)} -c:v libsvtav1 -preset 10 -svtav1-params film-grain=20 -pix_fmt yuv420p10le ${aac}`,
    short,
  ),
  one(
    'pq.webm',
    `${both(3)} -vf format=yuv420p10le -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -color_primaries bt2020 ` +
      '-color_trc smpte2084 -colorspace bt2020nc -c:a libopus',
    short,
  ),
  one(
    'dv-ntsc.mov',
    `${both(3, '60000/1001', '720x480')} ${woven('bff')},setsar=8/9 -c:v dvvideo -pix_fmt yuv411p -c:a pcm_s16le -ar 48000 -ac 2`,
    {
      ...{ ...short, size: '640x480', frames: 90 },
    },
  ),
  ...['gray10le', 'yuv440p', 'yuv422p12le', 'yuv444p16le'].map((format) =>
    one(`pictures-${format}.mkv`, `${both(3)} -c:v ffv1 -pix_fmt ${format} -c:a flac`, {
      ...short,
      alike: 28,
    }),
  ),
  one(
    'cropped.mp4',
    `${both(3)} ${closed} -bsf:v h264_metadata=crop_left=12:crop_right=6:crop_top=10 ${aac}`,
    {
      ...{ ...short, size: '302x170' },
    },
  ),
  one('vbr-mp3.avi', `${both(6)} -c:v mpeg4 -q:v 3 -c:a libmp3lame -q:a 6`, {
    seconds: 6,
    pairs: 3,
    alike: 28,
  }),
]

function eachPacket(bytes: Buffer, change: (packet: Buffer, n: number) => Buffer): Buffer {
  const packets = Array.from({ length: bytes.length / packetBytes }, (_, n) =>
    bytes.subarray(n * packetBytes, (n + 1) * packetBytes),
  )
  return Buffer.concat(packets.map(change))
}

/** The same packet with stuffing in place of its program clock reference. */
function withoutClock(packet: Buffer): Buffer {
  const adapted = (packet[3]! & 0x20) !== 0 && packet[4]! > 0
  if (!adapted || (packet[5]! & 0x10) === 0) return packet
  const plain = Buffer.from(packet)
  plain[5] = packet[5]! & ~0x10
  return plain.fill(0xff, 6, 12)
}

/** A, b, c and d of the matrix (14496-12 8.3.2) of the first box of a type, which begins `at` bytes behind the type's name. */
function withMatrix(bytes: Buffer, type: string, at: number, part: [number, number, number, number]): Buffer {
  const matrix = bytes.indexOf(type, bytes.lastIndexOf('moov')) + type.length + at
  const [a, b, c, d] = part
  for (const [place, value] of [a, b, 0, c, d].entries())
    bytes.writeInt32BE(value * 65_536, matrix + 4 * place)
  return bytes
}

function withoutThirdFragment(bytes: Buffer): Buffer {
  const starts = [...bytes.toString('latin1').matchAll(/moof/g)].map(({ index }) => index - 4)
  return Buffer.concat([bytes.subarray(0, starts[2]), bytes.subarray(starts[3])])
}

/** AudioSpecificConfig (14496-3 1.6.2.1): AAC-LC of 24 kHz becomes one that says SBR doubles its rate. */
function asHeAac(bytes: Buffer): Buffer {
  const config = bytes.indexOf('0580808005', bytes.indexOf('esds'), 'hex') + 5
  bytes.set([0x2b, 0x09, 0x88, 0, 0], config)
  return bytes
}
