internal import BinderBuffer
internal import PageAlloc

/// A buffer that somebody fills step by step, while everything else goes on.
final class StagedBuffer {
  let sender: CheckedProcess
  let node: Int
  let model: ModelBuffer
  var allocation: StagedAllocation?
  let flags: TransactionFlags
  /// The sender's own memory: what it holds at the moment of a copy is what is sent.
  let source: SenderMemory
  let slice: UserSlice
  var reader: UserSliceReader
  /// Bytes that the reader is past.
  var cursor = 0

  init(
    sender: CheckedProcess, node: Int, model: ModelBuffer, flags: TransactionFlags,
    allocation: consuming StagedAllocation, source: SenderMemory, slice: UserSlice
  ) {
    self.sender = sender
    self.node = node
    self.model = model
    self.flags = flags
    self.source = source
    self.slice = slice
    reader = slice.reader()
    self.allocation = consume allocation
  }
}

/// An allocation of either kind.
enum StagedAllocation: ~Copyable {
  case oneway(Allocation<Oneway>)
  case call(Allocation<TwoWay>)

  /// Does something to it that goes for both kinds.
  mutating func fill(
    _ oneway: (inout Allocation<Oneway>) throws(BinderError) -> Void,
    _ call: (inout Allocation<TwoWay>) throws(BinderError) -> Void
  ) throws(BinderError) {
    switch consume self {
    case .oneway(var allocation):
      var failure: BinderError?
      do throws(BinderError) { try oneway(&allocation) } catch { failure = error }
      self = .oneway(allocation)
      if let failure { throw failure }
    case .call(var allocation):
      var failure: BinderError?
      do throws(BinderError) { try call(&allocation) } catch { failure = error }
      self = .call(allocation)
      if let failure { throw failure }
    }
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
    let flags: TransactionFlags = oneIn(6) ? .clearOnFree : []
    if oneIn(40) { extra = [-8, 4, .max, .min][pick(4)] }
    if oneIn(60) { offsets += 4 }

    let watch = watch()
    var error: BinderError?
    var allocation: StagedAllocation?
    var placed: (debugID: UInt32, offset: Int, size: Int, isSpam: Bool)?
    do throws(BinderError) {
      if oneway {
        let made = try process.allocateOneway(
          dataSize: data, offsetsSize: offsets, extraSize: extra,
          securityContextSize: securityContext, flags: flags, for: target.nodes[node])
        placed = (made.debugID, made.offset, made.size, made.isSpam)
        allocation = .oneway(made)
      } else {
        let made = try process.allocateCall(
          dataSize: data, offsetsSize: offsets, extraSize: extra,
          securityContextSize: securityContext, flags: flags, for: target.nodes[node])
        placed = (made.debugID, made.offset, made.size, made.isSpam)
        allocation = .call(made)
      }
    } catch let thrown {
      error = thrown
    }
    guard
      let buffer = try reserve(
        data: data, offsets: offsets, extra: extra, securityContext: securityContext, in: target,
        from: sender, oneway: oneway, error, since: watch)
    else { return }
    try judge("allocate", error, is: nil)
    guard let allocation = allocation.take(), let placed else { return }
    buffer.debugID = placed.debugID
    buffer.clearsOnFree = flags.contains(.clearOnFree)
    try require("where the buffer was placed", placed.offset, is: buffer.offset)
    try require("the bytes that the buffer takes", placed.size, is: buffer.layout.size)
    try require("spam is reported as the driver does", placed.isSpam, is: buffer.isSpam)
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
        sender: sender, node: node, model: buffer, flags: flags, allocation: allocation,
        source: source, slice: slice))
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
      try task.allocation!.fill(
        { (it) throws(BinderError) in
          try it.copy(from: &task.reader, at: target, length: length)
        },
        { (it) throws(BinderError) in
          try it.copy(from: &task.reader, at: target, length: length)
        })
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
      try task.allocation!.fill(
        { (it) throws(BinderError) in try unsafe it.write(bytes.bytes, at: target) },
        { (it) throws(BinderError) in try unsafe it.write(bytes.bytes, at: target) })
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
      try task.allocation!.fill(
        { (it) throws(BinderError) in try it.fillZero(at: target, length: length) },
        { (it) throws(BinderError) in try it.fillZero(at: target, length: length) })
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
    let (target, model) = (task.model.receiver, task.model)
    let code = UInt32(pick(1000))
    var receipt: Receipt?
    var call: Call?
    var error: BinderError?
    do throws(BinderError) {
      guard let staged = task.allocation.take() else { return }
      switch consume staged {
      case .oneway(let allocation): receipt = try allocation.send(code: code)
      case .call(let allocation):
        let made = try allocation.call(code: code)
        receipt = made.receipt
        call = consume made
      }
    } catch let thrown {
      error = thrown
    }
    try followReclaims()
    let expected =
      target.region.flatMap { region in
        ModelObjects.walk(model, region.bytes) { extra in
          model.storeAddress(of: extra, in: region)
          return nil
        }
      } ?? obstacleToHandOver(from: task.sender, to: target, oneway: model.isOneway)
    try judge("handing a filled buffer over", error, is: expected)
    guard let receipt else { return target.abort(model, clock: &clock) }
    try handOver(
      model, receipt, call.take(), from: task.sender, to: task.node, code: code, flags: task.flags)
  }
}

extension ModelBuffer {
  /// The address in a `ptr` object becomes the place of its bytes in the region.
  func storeAddress(of extra: ModelObjects.ExtraBuffer, in region: ModelRegion) {
    var place = UInt64(offset + extra.target)
    unsafe withUnsafeBytes(of: &place) {
      unsafe region.bytes.write($0, at: offset + extra.place + 8)
    }
  }
}
