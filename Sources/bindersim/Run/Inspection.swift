internal import BinderBuffer

/// Compares a delivered buffer, in place and byte by byte, with what was sent.
enum Inspection {
  /// The message that a delivery must be, which its number tells.
  static func message(of delivery: borrowing Delivery, in options: RunOptions) -> Message {
    options.workload.message(delivery.code, seed: options.seed)
  }

  /// Nil when everything is as it was sent. Padding and the extra room are not looked at: the
  /// sender writes nothing there.
  static func firstFault(
    in delivery: borrowing Delivery, of message: Message, pid: Int32
  ) -> Corruption? {
    let isReply = delivery.isReply
    let shape = message.shape(isReply: isReply)
    let offset = delivery.offset
    func fault(_ place: Corruption.Place, at position: Int = 0, _ expected: Int, _ got: Int)
      -> Corruption
    {
      Corruption(
        pid: pid, buffer: offset, message: message.id, place: place, position: position,
        expected: expected, got: got)
    }
    guard delivery.dataSize == shape.data else {
      return fault(.dataSize, shape.data, delivery.dataSize)
    }
    guard delivery.offsetsSize == shape.offsets else {
      return fault(.offsetsSize, shape.offsets, delivery.offsetsSize)
    }
    guard delivery.extraSize == shape.extra else {
      return fault(.extraSize, shape.extra, delivery.extraSize)
    }
    let inData = delivery.withData {
      Payload.firstDifference(
        in: unsafe $0.bytes, objects: shape.offsets / 8, key: message.key(isReply: isReply))
    }
    if let found = inData {
      return fault(.data, at: found.position, Int(found.expected), Int(found.got))
    }
    if let found = delivery.withOffsets({ unsafe Payload.firstDifference(inOffsets: $0.bytes) }) {
      return fault(.offsets, at: found.position, Int(found.expected), Int(found.got))
    }
    return nil
  }
}

extension Tally {
  /// Counts a delivery and what is wrong with it.
  mutating func inspect(_ delivery: borrowing Delivery, of message: Message, pid: Int32) {
    received += 1
    checkedBytes += delivery.dataSize + delivery.offsetsSize
    if let fault = Inspection.firstFault(in: delivery, of: message, pid: pid) { count(fault) }
  }

  /// Counts a transaction that was taken.
  mutating func count(_ receipt: Receipt, of message: Message, isReply: Bool) {
    let shape = message.shape(isReply: isReply)
    bytes += shape.data + shape.offsets
    if receipt.isSpam { spam += 1 }
    if isReply {
      replies += 1
    } else if message.isOneway {
      oneway += 1
    } else {
      sync += 1
    }
  }
}
