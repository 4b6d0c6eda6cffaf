internal import BinderBuffer
internal import PageAlloc

/// A buffer that somebody fills step by step, while everything else goes on.
final class StagedBuffer {
  let sender: Member
  let node: Int
  let model: ModelBuffer
  var allocation: Allocation?
  /// The sender's own memory: what it holds at the moment of a copy is what is sent.
  let source: SenderMemory
  let slice: UserSlice
  var reader: UserSliceReader
  /// Bytes that the reader is past.
  var cursor = 0

  init(
    sender: Member, node: Int, model: ModelBuffer, allocation: consuming Allocation,
    source: SenderMemory, slice: UserSlice
  ) {
    self.sender = sender
    self.node = node
    self.model = model
    self.source = source
    self.slice = slice
    reader = slice.reader()
    self.allocation = consume allocation
  }
}

extension CheckWorld {
  func stage() throws(InvariantViolation) {
    guard staged.count < 12, let (sender, process) = anyActor() else { return try fillStaged() }
    let target = anyTarget()
    guard !target.nodes.isEmpty else { return try setUp() }
    let node = pick(target.nodes.count)
    let oneway = oneIn(2)
    let length = target.region?.placement.length ?? 4096
    var data = drawSize(length)
    var offsets = 0
    if oneIn(5) {
      data = max(48, data & 0xFFF)
      offsets = 8 * drawObjects(data).count
    }
    var extra = oneIn(6) ? 8 * pick(20) : 0
    let securityContext = oneIn(8) ? pick(40) : 0
    if oneIn(40) { extra = [-8, 4, .max, .min][pick(4)] }
    if oneIn(60) { offsets += 4 }

    let watch = watch()
    var error: BinderError?
    var allocation: Allocation?
    do throws(BinderError) {
      allocation = try process.allocate(
        dataSize: data, offsetsSize: offsets, extraSize: extra,
        securityContextSize: securityContext, oneway: oneway, for: target.nodes[node])
    } catch let thrown {
      error = thrown
    }
    guard
      let buffer = try reserve(
        data: data, offsets: offsets, extra: extra, securityContext: securityContext, in: target,
        from: sender, oneway: oneway, error, since: watch)
    else { return }
    try judge("allocate", error, is: nil)
    guard let allocation = allocation.take() else { return }
    buffer.debugID = allocation.debugID
    try require("where the buffer was placed", allocation.offset, is: buffer.offset)
    try require("the bytes that the buffer takes", allocation.size, is: buffer.layout.size)
    try require("spam is reported as the driver does", allocation.isSpam, is: buffer.isSpam)
    checksum.add(buffer.offset)

    let source = SenderMemory(pages: max(1, (buffer.layout.size + Page.size - 1) >> Page.shift))
    write(objectsFor: buffer.layout, to: source)
    // Some name memory that is not all there.
    let isTorn = oneIn(6)
    let place = isTorn ? source.count - pick(buffer.layout.size + 1) : 0
    let slice = source.slice(
      place, buffer.layout.size, in: isTorn ? .untrusted : oneIn(3) ? .untrusted : .trusted)
    staged.append(
      StagedBuffer(
        sender: sender, node: node, model: buffer, allocation: allocation, source: source,
        slice: slice))
  }

  /// The image of a message of that layout, with objects where the array says.
  private func write(objectsFor layout: ModelLayout, to source: SenderMemory) {
    source.fill(0, layout.size, key: nextKey())
    guard layout.offsets > 0 else { return }
    for (index, (place, type)) in drawObjects(layout.data).prefix(layout.offsets / 8).enumerated() {
      source.store(type, at: place)
      source.store(UInt64(pick(16)), at: place + 16)
      source.store(UInt64(place), at: layout.offsetsStart + 8 * index)
    }
  }

  // MARK: fill

  func fillStaged() throws(InvariantViolation) {
    guard !staged.isEmpty else { return try send() }
    let task = staged[pick(staged.count)]
    switch pick(16) {
    case 0..<9:
      // Mostly the next part, where it belongs.
      let left = task.slice.length - task.cursor
      try copy(task, at: task.cursor, length: oneIn(3) ? left : pick(left + 1))
    case 9:
      try copy(task, at: pick(task.model.layout.size), length: pick(64))
    case 10:
      let odd = [-1, .min, .max, task.model.layout.size, 1 << 33]
      try copy(task, at: odd[pick(5)], length: odd[pick(5)])
    case 11: try write(task)
    case 12: try zero(task)
    case 13: task.source.setEnd(readable: !task.source.isEndReadable)
    default:
      // The sender changes its mind; what has been copied stays as it was.
      let length = pick(min(256, task.source.count) + 1)
      task.source.fill(pick(task.source.count - length + 1), length, key: nextKey())
    }
  }

  private func copy(
    _ task: StagedBuffer, at target: Int, length: Int
  ) throws(InvariantViolation) {
    let watch = watch()
    var error: BinderError?
    do throws(BinderError) {
      try task.allocation!.copy(from: &task.reader, at: target, length: length)
    } catch let thrown {
      error = thrown
    }
    let isFault = hadFault(since: watch)
    let moved = isFault ? length / 2 : length
    var expected = modelCopy(task, at: target, length: moved)
    if isFault, expected == nil { expected = .injected(.userCopy) }
    try judge("a copy in steps", error, is: expected.map { .badSource($0) })
    if error == nil {
      task.cursor += length
      task.model.bytesCopied += length
    }
    // A reader that failed is where it was: the next copy must read the same bytes.
    try require("bytes left in the reader", task.reader.count, is: task.slice.length - task.cursor)
  }

  /// Why a copy fails, and what it leaves in the buffer in any case.
  private func modelCopy(_ task: StagedBuffer, at target: Int, length: Int) -> PageAllocError? {
    let size = task.model.layout.size
    guard target >= 0, length >= 0, target <= size, length <= size - target else {
      return .outOfBounds(offset: target, length: length, size: size)
    }
    let left = task.slice.length - task.cursor
    guard length <= left else { return .pastEnd(requested: length, remaining: left) }
    let address = task.slice.address &+ UInt(task.cursor)
    let readable = unsafe task.source.readable(address, length)
    unsafe task.model.receiver.region?.bytes.write(readable, at: task.model.offset + target)
    guard readable.count < length else { return nil }
    return .badAddress(
      address: address &+ UInt(readable.count), length: length - readable.count)
  }

  private func write(_ task: StagedBuffer) throws(InvariantViolation) {
    let size = task.model.layout.size
    let length = pick(min(300, size) + 1)
    let target = oneIn(6) ? [-1, size, .max, .min][pick(4)] : pick(size - length + 1)
    guard let place = takeMemory(length) else { return }
    memory.fill(place, length, key: nextKey())
    let bytes = unsafe memory.readable(memory.address(place), length)
    var error: BinderError?
    do throws(BinderError) {
      try unsafe task.allocation!.write(bytes.bytes, at: target)
    } catch let thrown {
      error = thrown
    }
    let fits = target >= 0 && target <= size && length <= size - target
    try judge(
      "writing", error,
      is: fits ? nil : .badSource(.outOfBounds(offset: target, length: length, size: size)))
    guard fits else { return }
    unsafe task.model.receiver.region?.bytes.write(bytes, at: task.model.offset + target)
    task.model.bytesCopied += length
  }

  private func zero(_ task: StagedBuffer) throws(InvariantViolation) {
    let size = task.model.layout.size
    let length = oneIn(6) ? [-1, size + 1, .max][pick(3)] : pick(size + 1)
    let target = max(0, size - max(0, length == .max ? 0 : length))
    var error: BinderError?
    do throws(BinderError) {
      try task.allocation!.fillZero(at: target, length: length)
    } catch let thrown {
      error = thrown
    }
    let fits = length >= 0 && length <= size - target
    try judge(
      "zeroing", error,
      is: fits ? nil : .badSource(.outOfBounds(offset: target, length: length, size: size)))
    if fits { task.model.receiver.region?.bytes.zero(task.model.offset + target, length) }
  }

  // MARK: the end

  private func takeStaged() -> StagedBuffer? {
    guard !staged.isEmpty else { return nil }
    let index = pick(staged.count)
    staged.swapAt(index, staged.count - 1)
    return staged.removeLast()
  }

  func abandonStaged() throws(InvariantViolation) {
    guard let task = takeStaged() else { return try stage() }
    drop(task)
  }

  func drop(_ task: StagedBuffer) {
    task.allocation = nil
    task.model.receiver.abort(task.model, clock: &clock)
  }

  func handOverStaged() throws(InvariantViolation) {
    guard let task = takeStaged() else { return try stage() }
    let target = task.model.receiver
    // Now and then to a node, or from a process, that it does not belong to.
    let other = oneIn(16) ? anyMember() : task.sender
    guard let process = other.process else { return drop(task) }
    let wrong = oneIn(16) ? anyMember() : target
    guard !wrong.nodes.isEmpty else { return drop(task) }
    let node = wrong === target ? task.node : pick(wrong.nodes.count)
    var flags: TransactionFlags = oneIn(6) ? .clearOnFree : []
    if oneIn(8) { flags.insert(.oneway) }
    let code = UInt32(pick(1000))

    var receipt: Receipt?
    var error: BinderError?
    do throws(BinderError) {
      receipt = try process.send(
        task.allocation.take()!, to: wrong.nodes[node], code: code, flags: flags)
    } catch let thrown {
      error = thrown
    }
    try followReclaims()
    let expected: BinderError?
    if wrong !== target || other.pid != task.model.senderPID {
      expected = .invalidArgument(.notOwner(pid: other.pid, debugID: task.model.debugID))
    } else {
      task.model.clearsOnFree = flags.contains(.clearOnFree)
      expected =
        target.region.flatMap { ModelObjects.walk(task.model, $0.bytes) { _ in nil } }
        ?? obstacleToHandOver(from: other, to: target, oneway: task.model.isOneway)
    }
    try judge("handing a filled buffer over", error, is: expected)
    guard let receipt else { return target.abort(task.model, clock: &clock) }
    try handOver(task.model, receipt, from: other, to: node, code: code, flags: flags)
  }
}
