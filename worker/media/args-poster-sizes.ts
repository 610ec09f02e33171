import { commonFlags } from './args-source.ts'

export interface PosterSize {
  readonly width: number
  readonly format: 'jpg' | 'webp'
}

/** Smaller posters from the poster itself, each into its own file, in one run. */
export function posterSizesArgs(
  poster: string,
  sizes: readonly (PosterSize & { readonly path: string })[],
): string[] {
  const labels = sizes.map((_, index) => `[in${index}]`).join('')
  const chains = sizes.map(({ width, format }, index) => {
    // JPEG is full range, WebP limited; both BT.601.
    const out = format === 'jpg' ? 'out_range=pc,format=yuvj420p' : 'out_range=tv,format=yuv420p'
    return `[in${index}]scale=${width}:-2:flags=lanczos:in_range=pc:${out}[out${index}]`
  })
  return [
    ...commonFlags({ progress: false }),
    // Our own file, made a moment ago.
    ...['-protocol_whitelist', 'file', '-f', 'image2', '-pattern_type', 'none', '-i', poster],
    ...['-filter_complex', [`[0:v]split=${sizes.length}${labels}`, ...chains].join(';')],
    ...sizes.flatMap(({ format, path }, index) => [
      ...['-map', `[out${index}]`, '-map_metadata', '-1', '-frames:v', '1'],
      ...(format === 'jpg'
        ? ['-c:v', 'mjpeg', '-q:v', '3', '-f', 'image2', '-update', '1', path]
        : ['-c:v', 'libwebp', '-quality', '80', '-f', 'webp', path]),
    ]),
  ]
}
