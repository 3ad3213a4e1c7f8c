import type { ReactNode } from 'react'
import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components'

/** Something that has to be decided before all else goes on; Escape leaves it. */
export function Sheet({ title, open, close, children }: { title: string; open: boolean; close: () => void; children: ReactNode }) {
  return (
    <ModalOverlay className="veil" isOpen={open} onOpenChange={(is) => !is && close()} isDismissable>
      <Modal className="sheet">
        <Dialog className="inner">
          <Heading slot="title">{title}</Heading>
          {children}
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}
