/* The dialect OpenCL C 1.2 with cl_khr_fp64. */
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#pragma OPENCL FP_CONTRACT OFF

typedef char int8_t;
typedef uchar uint8_t;
typedef short int16_t;
typedef ushort uint16_t;
typedef int int32_t;
typedef uint uint32_t;
typedef long int64_t;
typedef ulong uint64_t;
#define INT64_C(x) x##L
#define UINT32_C(x) x##U
#define UINT64_C(x) x##UL

#define BIO_UNUSED __attribute__((unused))
#define LINKAGE BIO_UNUSED static
#define BIO_INFINITY ((double)INFINITY)
#define BIO_NAN ((double)NAN)
#define BIO_SQRT(x) sqrt((double)(x))
#define BIO_SQRT_SINGLE(x) sqrt((float)(x))
#define BIO_FMA(x, y, z) fma((double)(x), (double)(y), (double)(z))

#define GLOBAL __global
#define half half_ /* a type in OpenCL C, and a name in steps */
#define TABLE __constant
#define OF_TABLE __constant
#define KERNEL __kernel void
#define ITEM ((int64_t)get_global_id(0))
#define OWN_LANE (ITEM % LANES)
