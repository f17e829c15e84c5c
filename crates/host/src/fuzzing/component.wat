(; What `wave_call` calls. Nine arguments that may be left out follow each, so that all go through
   memory, and the functions of the module have one signature. ;)
(component
    (core module $m
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
        (func (export "none"))
        (func (export "f") (param i32)))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $mem))
    (alias core export $i "realloc" (core func $realloc))
    (type $enum' (enum "red" "green" "or"))
    (export $enum "colour" (type $enum'))
    (type $flags' (flags "read" "write" "some"))
    (export $flags "rights" (type $flags'))
    (type $record' (record (field "name" string) (field "rights" $flags) (field "true" (option u8))))
    (export $record "entry" (type $record'))
    (type $variant' (variant (case "none") (case "ok" string) (case "colour" $enum) (case "entry" $record)))
    (export $variant "choice" (type $variant'))
    (func $none (canon lift (core func $i "none")))
    (export "none" (func $none))
    (func $numbers (param "x" (tuple u8 s8 u16 s16 u32 s32 u64 s64))
        (param "more0" (option u8)) (param "more1" (option u8)) (param "more2" (option u8)) (param
        "more3" (option u8)) (param "more4" (option u8)) (param "more5" (option u8)) (param "more6"
        (option u8)) (param "more7" (option u8)) (param "more8" (option u8))
        (canon lift (core func $i "f") (memory $mem) (realloc $realloc)))
    (export "numbers" (func $numbers))
    (func $floats (param "x" (list (tuple float32 float64)))
        (param "more0" (option u8)) (param "more1" (option u8)) (param "more2" (option u8)) (param
        "more3" (option u8)) (param "more4" (option u8)) (param "more5" (option u8)) (param "more6"
        (option u8)) (param "more7" (option u8)) (param "more8" (option u8))
        (canon lift (core func $i "f") (memory $mem) (realloc $realloc)))
    (export "floats" (func $floats))
    (func $texts (param "x" (tuple string char bool))
        (param "more0" (option u8)) (param "more1" (option u8)) (param "more2" (option u8)) (param
        "more3" (option u8)) (param "more4" (option u8)) (param "more5" (option u8)) (param "more6"
        (option u8)) (param "more7" (option u8)) (param "more8" (option u8))
        (canon lift (core func $i "f") (memory $mem) (realloc $realloc)))
    (export "texts" (func $texts))
    (func $lists (param "x" (list (list string)))
        (param "more0" (option u8)) (param "more1" (option u8)) (param "more2" (option u8)) (param
        "more3" (option u8)) (param "more4" (option u8)) (param "more5" (option u8)) (param "more6"
        (option u8)) (param "more7" (option u8)) (param "more8" (option u8))
        (canon lift (core func $i "f") (memory $mem) (realloc $realloc)))
    (export "lists" (func $lists))
    (func $options (param "x" (option (option string)))
        (param "more0" (option u8)) (param "more1" (option u8)) (param "more2" (option u8)) (param
        "more3" (option u8)) (param "more4" (option u8)) (param "more5" (option u8)) (param "more6"
        (option u8)) (param "more7" (option u8)) (param "more8" (option u8))
        (canon lift (core func $i "f") (memory $mem) (realloc $realloc)))
    (export "options" (func $options))
    (func $results (param "x" (tuple (result string (error u8)) (result (error string)) (result) (result u8)))
        (param "more0" (option u8)) (param "more1" (option u8)) (param "more2" (option u8)) (param
        "more3" (option u8)) (param "more4" (option u8)) (param "more5" (option u8)) (param "more6"
        (option u8)) (param "more7" (option u8)) (param "more8" (option u8))
        (canon lift (core func $i "f") (memory $mem) (realloc $realloc)))
    (export "results" (func $results))
    (func $records (param "x" $record)
        (param "more0" (option u8)) (param "more1" (option u8)) (param "more2" (option u8)) (param
        "more3" (option u8)) (param "more4" (option u8)) (param "more5" (option u8)) (param "more6"
        (option u8)) (param "more7" (option u8)) (param "more8" (option u8))
        (canon lift (core func $i "f") (memory $mem) (realloc $realloc)))
    (export "records" (func $records))
    (func $variants (param "x" $variant)
        (param "more0" (option u8)) (param "more1" (option u8)) (param "more2" (option u8)) (param
        "more3" (option u8)) (param "more4" (option u8)) (param "more5" (option u8)) (param "more6"
        (option u8)) (param "more7" (option u8)) (param "more8" (option u8))
        (canon lift (core func $i "f") (memory $mem) (realloc $realloc)))
    (export "variants" (func $variants))
    (func $nested (param "x" (list (option (result $record (error $variant)))))
        (param "more0" (option u8)) (param "more1" (option u8)) (param "more2" (option u8)) (param
        "more3" (option u8)) (param "more4" (option u8)) (param "more5" (option u8)) (param "more6"
        (option u8)) (param "more7" (option u8)) (param "more8" (option u8))
        (canon lift (core func $i "f") (memory $mem) (realloc $realloc)))
    (export "nested" (func $nested)))
