-- Run once, when the volume is new. Two roles, so that neither the service nor Temporal is a superuser;
-- Temporal's schema tool makes its own two databases. Passwords for development only.
CREATE ROLE inventory_service LOGIN CREATEDB PASSWORD 'development';
CREATE DATABASE inventory_service OWNER inventory_service;
CREATE ROLE temporal LOGIN CREATEDB PASSWORD 'development';
