internal import BinderBuffer
internal import Glibc
internal import PageAlloc

/// What senders send: ordinary messages, and everything that could upset a driver.
extension CheckWorld {
  /// A length for one part of a message to a region of `length` bytes.
  func drawSize(_ length: Int) -> Int {
    switch configuration.mood {
    case .ties:
      // Few sizes, so that many free ranges are equally long.
      return [8, 16, 16, 24, 32, 64, 128, 256][pick(8)]
    case .flood: return oneIn(8) ? pick(300) : max(8, length / 160)
    default: break
    }
    switch pick(64) {
    case 0: return 0
    case 1: return length + [-8, 0, 8][pick(3)]
    case 2: return length / 2 + [-8, 0, 8][pick(3)]
    case 3: return [4088, 4096, 4104, 8192][pick(4)]
    case 4..<12: return pick(min(length, 16_384))
    case 12..<24: return pick(2048)
    default: return pick(200)
    }
  }

  /// A transaction for a region of `length` bytes.
  func drawTransaction(_ length: Int, oneway: Bool, isReply: Bool) -> Transaction {
    var flags: TransactionFlags = oneway ? .oneway : []
    if oneIn(6) { flags.insert(.clearOnFree) }
    var transaction = Transaction(code: UInt32(pick(1000)), flags: flags)
    // Mostly, what `ptr` objects name may be read.
    unsafe transaction.readsOwnMemory = transaction.code % 8 > 0
    let owner: UserMemory = pick(16) < 12 ? .trusted : .untrusted
    let hasObjects = oneIn(5)
    let size = hasObjects ? max(48, drawSize(length) & 0xFFF) : drawSize(length)
    transaction.data = drawSlice(size, in: owner)
    if hasObjects { addObjects(to: &transaction, owner) }
    if !isReply || oneIn(20), oneIn(8) {
      transaction.securityContext = drawSlice(pick(80), in: owner)
    }
    if oneIn(30) { spoil(&transaction) }
    return transaction
  }

  /// Bytes of a sender: all there, or sometimes running into the void.
  private func drawSlice(_ length: Int, in owner: UserMemory) -> UserSlice {
    guard let place = takeMemory(length) else {
      // Too long to be there: nobody may read as far as that.
      return unsafe UserSlice(address: memory.address(0), length: length, in: .untrusted)
    }
    if owner != .trusted, length > 0, oneIn(12) {
      // The end of the memory lies in the middle of it.
      let start = memory.count - pick(length)
      memory.fill(start, memory.count - start, key: nextKey())
      return unsafe UserSlice(address: memory.address(start), length: length, in: owner)
    }
    memory.fill(place, length, key: nextKey())
    return memory.slice(place, length, in: owner)
  }

  /// Objects in the data and the array that names them; mostly right.
  private func addObjects(to transaction: inout Transaction, _ owner: UserMemory) {
    let size = transaction.data.length
    let places = drawObjects(size)
    let data = Int(bitPattern: transaction.data.address &- memory.address(0))
    for (place, type) in places where place >= 0 && data + place + 48 <= memory.count {
      memory.store(type, at: data + place)
      guard type == ModelObjects.pointer else { continue }
      let (address, length) = drawExtraBuffer()
      memory.store(UInt64(address), at: data + place + 8)
      memory.store(length, at: data + place + 16)
      if length < 4096 { transaction.extraSize += Int(length + 7) & ~7 }
    }
    if oneIn(8) { transaction.extraSize += 8 * pick(20) }
    if oneIn(12) { transaction.extraSize = max(0, transaction.extraSize - 8) }
    guard let table = takeMemory(places.count * 8) else { return }
    for (index, place) in places.enumerated() {
      let offset = oneIn(60) ? random.next() : UInt64(bitPattern: Int64(place.0))
      memory.store(offset, at: table + index * 8)
    }
    transaction.offsets = memory.slice(table, places.count * 8, in: owner)
  }

  /// Places in ascending order with a type each; now and then one that is none.
  func drawObjects(_ size: Int) -> [(Int, UInt32)] {
    var places: [(Int, UInt32)] = []
    var place = 4 * pick(4)
    while places.count < 4, place + 48 < size {
      var type = ModelObjects.types[pick(ModelObjects.types.count)]
      if oneIn(40) { type &+= 1 }
      places.append((place, type))
      place += (ModelObjects.sizes[type] ?? 24) + 4 * pick(8)
      if oneIn(40) { place = max(0, place - 4 * pick(8)) }
      if oneIn(60) { place += pick(4) }
    }
    return places
  }

  private func drawExtraBuffer() -> (address: UInt, length: UInt64) {
    if oneIn(24) { return ([0, 4096, .max - 100, 1 << 47][pick(4)], UInt64(pick(64))) }
    if oneIn(40) { return (memory.address(0), random.next()) }
    let length = pick(120)
    if oneIn(24) { return (memory.address(memory.count - pick(length + 1)), UInt64(length)) }
    guard let place = takeMemory(length) else { return (0, 0) }
    memory.fill(place, length, key: nextKey())
    return (memory.address(place), UInt64(length))
  }

  /// Sizes and addresses that nobody means well with.
  private func spoil(_ transaction: inout Transaction) {
    let address: UInt = [0, 1, 4096, 1 << 47, .max, memory.address(0)][pick(6)]
    switch pick(8) {
    case 0: transaction.data = unsafe UserSlice(address: address, length: -1, in: .untrusted)
    case 1:
      transaction.data = unsafe UserSlice(address: address, length: .max - pick(32), in: .untrusted)
    case 2:
      transaction.data = unsafe UserSlice(address: address, length: pick(5000), in: .untrusted)
    case 3: transaction.extraSize = [-8, 4, 12, .max, .max - 7, .min, 1 << 40][pick(7)]
    case 4: transaction.offsets = memory.slice(0, [4, 12, 3][pick(3)], in: .trusted)
    case 5: transaction.offsets = unsafe UserSlice(address: address, length: 16, in: .untrusted)
    case 6:
      transaction.securityContext = unsafe UserSlice(address: address, length: 9, in: .untrusted)
    // No process has such a number.
    default:
      transaction.data = unsafe UserSlice(
        address: address, length: 64, in: .process(SenderMemory.gone))
    }
  }
}
