/** What an init segment says about its one track. */
export interface InitFacts {
  /** RFC 6381: 'avc1.64001f', 'mp4a.40.2'. */
  readonly codec: string
  readonly timescale: number
  /** 0 for audio. */
  readonly width: number
  readonly height: number
  /** 0 for video. */
  readonly sampleRate: number
  readonly channels: number
}

/** What one media segment holds. */
export interface SegmentFacts {
  /** In ticks of the track's timescale. */
  readonly baseDecodeTime: number
  readonly durationTicks: number
  readonly seconds: number
  readonly samples: number
  readonly startsWithKeyframe: boolean
  /** Sequence number of the first fragment. */
  readonly sequence: number
  /** Key frames in this segment: bytes of moof + mdat up to the end of the picture, for I-frame playlists. */
  readonly firstKeyframe: { readonly offset: number; readonly length: number } | undefined
}

export declare function parseInit(data: Buffer): InitFacts
export declare function parseSegment(data: Buffer, timescale: number): SegmentFacts
