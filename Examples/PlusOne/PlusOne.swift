@main struct PlusOne { static func main() {} }
