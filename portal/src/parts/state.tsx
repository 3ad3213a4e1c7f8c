import type { ReactNode } from 'react'
import type { Shape, StateLook, Tone } from '../words/states'

const SHAPES: Readonly<Record<Shape, ReactNode>> = {
  ring: <circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  half: (
    <>
      <circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <path d="M6 1.75a4.25 4.25 0 0 1 0 8.5z" fill="currentColor" />
    </>
  ),
  dot: <circle cx="6" cy="6" r="4.5" fill="currentColor" />,
  check: <path d="M2 6.5 5 9.5 10.5 3" fill="none" stroke="currentColor" strokeWidth="1.75" />,
  cross: <path d="m2.5 2.5 7 7m0-7-7 7" fill="none" stroke="currentColor" strokeWidth="1.75" />,
  bar: <path d="M4 2.5v7m4-7v7" fill="none" stroke="currentColor" strokeWidth="1.75" />,
  dash: <path d="M2 6h8" fill="none" stroke="currentColor" strokeWidth="1.75" />,
}

export function Glyph({ shape, tone }: { shape: Shape; tone: Tone }) {
  return (
    <svg viewBox="0 0 12 12" aria-hidden="true" className={`tone-${tone}`}>
      {SHAPES[shape]}
    </svg>
  )
}

/** A state by shape, colour and word. */
export function State({ of }: { of: StateLook }) {
  return (
    <span className={`state tone-${of.tone}`}>
      <Glyph shape={of.shape} tone={of.tone} />
      {of.word}
    </span>
  )
}
