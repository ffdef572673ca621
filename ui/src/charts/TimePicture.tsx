import type { PointerEvent, ReactNode } from 'react'
import type { TimeAxis } from './scale.ts'

interface TimePictureProps {
  label: string
  width: number
  height: number
  axis: TimeAxis
  /** Told of the time under the pointer; of none when it leaves. */
  onHover: (atMs: number | undefined) => void
  children: ReactNode
}

/** A picture over time that tells where the pointer is. */
export function TimePicture({ label, width, height, axis, onHover, children }: TimePictureProps) {
  const onMove = (event: PointerEvent<SVGSVGElement>) =>
    onHover(axis.invert(event.clientX - event.currentTarget.getBoundingClientRect().left))
  return (
    <svg
      width={width}
      height={height}
      role="img"
      aria-label={label}
      onPointerMove={onMove}
      onPointerLeave={() => onHover(undefined)}
    >
      {children}
    </svg>
  )
}
