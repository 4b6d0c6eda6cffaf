public struct RangeAllocator<Metadata>: ~Copyable {
  struct R { var o: Int; var s: Int; var ow: Bool; var p: Int32; var d: UInt32; var m: Metadata? }
  var live: [R] = []
  public let length: Int; public let policy: PlacementPolicy
  public var freeOnewaySpace: Int
  public init(length: Int, policy: PlacementPolicy) throws(RangeError) { self.length = length; self.policy = policy; freeOnewaySpace = length/2 }
  public mutating func reserve(_ size: Int, oneway: Bool = false, sender: Int32 = 0, debugID: UInt32 = 0) throws(RangeError) -> Reservation {
    let s = max(8, (size+7) & ~7)
    if oneway && s > freeOnewaySpace { throw .noOnewaySpace(requested: size, free: freeOnewaySpace) }
    var at = 0; var i = 0
    while i < live.count { if live[i].o - at >= s { break }; at = live[i].o + live[i].s; i += 1 }
    if length - at < s { throw .noSpace(requested: size, freeBytes: 0, largestFree: 0) }
    live.insert(R(o: at, s: s, ow: oneway, p: sender, d: debugID, m: nil), at: i)
    if oneway { freeOnewaySpace -= s }
    return Reservation(start: UInt32(at), length: UInt32(s), isSpam: false)
  }
  func find(_ o: Int) throws(RangeError) -> Int { guard let i = live.firstIndex(where: { $0.o == o }) else { throw .noRange(offset: o) }; return i }
  public mutating func commit(_ offset: Int, _ metadata: Metadata) throws(RangeError) { live[try find(offset)].m = metadata }
  public mutating func reserveExisting(_ offset: Int) throws(RangeError) -> ReservedAgain<Metadata> { let i = try find(offset); guard let m = live[i].m else { throw .notCommitted(offset: offset) }; live[i].m = nil; return ReservedAgain(size: live[i].s, debugID: live[i].d, metadata: m) }
  public mutating func abort(_ offset: Int) throws(RangeError) -> FreedRange { let i = try find(offset); let r = live[i]; let lo = i == 0 ? 0 : live[i-1].o+live[i-1].s; let hi = i+1 == live.count ? length : live[i+1].o; live.remove(at: i); if r.ow { freeOnewaySpace += r.s }; return FreedRange(start: UInt32(r.o), length: UInt32(r.s), holeStart: UInt32(lo), holeEnd: UInt32(hi)) }
  public mutating func withMetadata<X>(at o: Int, _ b: (inout Metadata) -> X) throws(RangeError) -> X { let i = try find(o); guard live[i].m != nil else { throw .notCommitted(offset: o) }; return b(&live[i].m!) }
  public var bufferCount: Int { live.count }
  public var freeBytes: Int { length - live.reduce(0) { $0 + $1.s } }
  public var largestFreeRange: Int { 0 }
  public borrowing func forEachRange(_ b: (RangeDescription) -> Void) { for r in live { b(RangeDescription(offset: r.o, size: r.s, state: r.m == nil ? .reserved : .committed, isOneway: r.ow, sender: r.p, debugID: r.d)) } }
}
